// Package bpmn turns BPMN 2.0 XML into compiled processes: parse, validate
// everything at once, compile expressions, resolve references.
//
// It knows the XML, both extension dialects (camunda: and zeebe:) and the rules
// a model must obey; it does not know how elements behave (that is package
// engine) nor where models are kept.
//
// Start reading at Parse, then Process. compile.go has the tables of supported
// and unsupported elements, extension.go those of extensions.
//
// # What a model says, and how
//
//	                camunda                          zeebe                         plain
//	literal text    no ${…}, #{…}                    no leading "="                neither
//	task type       camunda:type="external", topic   zeebe:taskDefinition type     implementation, else the id
//	attempts        failedJobRetryTimeCycle          zeebe:taskDefinition retries  3
//	mappings        camunda:inputOutput              zeebe:ioMapping               none
//	headers         camunda:properties               zeebe:taskHeaders             none
//	script          <script>: javascript, feel, juel  zeebe:script or a task type   as camunda
//	decision        camunda:decisionRef              zeebe:calledDecision          none
//	correlation     property, else business key      zeebe:subscription            business key
//
// Properties (camunda:property, zeebe:property) with a meaning:
// barnabas.deadline (of a task: ISO 8601 duration of an attempt),
// barnabas.correlationKey (of an event, receive task or message),
// barnabas.ttl (of what publishes a message: ISO 8601 duration) and
// barnabas.status.variables (of a process: "true" or "false").
//
// Script tasks and business rule tasks with a task type are service tasks; in the
// camunda dialect a decisionRef goes before a topic, as in Camunda.
// What a script in JavaScript sets by execution.setVariable is part of its result;
// a variable that it removes becomes null.
// Message throw and end events and send tasks with a task type are tasks;
// without one they publish their message.
//
// # What is ignored
//
// Diagrams, collaborations, message flows, lanes, annotations, groups, data
// objects, documentation; incoming and outgoing elements (sourceRef and
// targetRef count); asyncBefore, asyncAfter, exclusive, priorities, history,
// forms, initiators, candidates, templates. Whatever else would change the
// behaviour and is not supported is a problem.
package bpmn
