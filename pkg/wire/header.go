package wire

import "strings"

// The names of the protocol's headers.
const (
	HeaderCEID          = "ce_id"
	HeaderCEType        = "ce_type"
	HeaderCESource      = "ce_source"
	HeaderCESubject     = "ce_subject"
	HeaderCETime        = "ce_time"
	HeaderCESpecVersion = "ce_specversion"
	HeaderContentType   = "content-type"

	HeaderCorrelationID  = "correlationId"
	HeaderAttempt        = "attempt"
	HeaderReplyTo        = "replyTo"
	HeaderReplyPartition = "replyPartition"
	HeaderTaskType       = "taskType"
	HeaderElementID      = "elementId"
	HeaderProcessID      = "processId"
	HeaderBusinessKey    = "businessKey"
	HeaderDeadline       = "deadline"
	HeaderTenant         = "tenant"
	HeaderTraceParent    = "traceparent"

	HeaderStatus       = "status"
	HeaderErrorMessage = "errorMessage"
	HeaderErrorCode    = "errorCode"
	HeaderRetries      = "retries"
	HeaderRetryAfter   = "retryAfter"

	HeaderMessageName    = "messageName"
	HeaderMessageID      = "messageId"
	HeaderCorrelationKey = "correlationKey"
	HeaderTTL            = "ttl"

	HeaderControl         = "barnabas-control"
	HeaderInstance        = "barnabas-instance"
	HeaderHome            = "barnabas-home"
	HeaderElement         = "barnabas-element"
	HeaderNode            = "barnabas-node"
	HeaderExpires         = "barnabas-expires"
	HeaderReason          = "barnabas-reason"
	HeaderOriginTopic     = "barnabas-origin-topic"
	HeaderOriginPartition = "barnabas-origin-partition"
	HeaderOriginOffset    = "barnabas-origin-offset"
	HeaderOriginKey       = "barnabas-origin-key"

	HeaderDLQTopic        = "x-dlq-original-topic"
	HeaderDLQPartition    = "x-dlq-original-partition"
	HeaderDLQOffset       = "x-dlq-original-offset"
	HeaderDLQTimestamp    = "x-dlq-original-timestamp"
	HeaderDLQClass        = "x-dlq-error-class"
	HeaderDLQMessage      = "x-dlq-error-message"
	HeaderDLQFirstFailure = "x-dlq-first-failure"
	HeaderDLQEngine       = "x-dlq-engine"
)

// dlqPrefix begins the names of all headers a dead letter adds.
const dlqPrefix = "x-dlq-"

// The dictionary of packs: a header whose name is here is stored as its code.
// It is part of the stored format: append only, never reorder.
const (
	codeEnd    = iota // ends a record's headers
	codeInline        // the name is spelled out
	codeCEID
	codeCEType
	codeCESource
	codeCESubject
	codeCETime
	codeCESpecVersion
	codeContentType
	codeCorrelationID
	codeAttempt
	codeReplyTo
	codeReplyPartition
	codeTaskType
	codeElementID
	codeProcessID
	codeBusinessKey
	codeDeadline
	codeTenant
	codeTraceParent
	codeStatus
	codeErrorMessage
	codeErrorCode
	codeRetries
	codeRetryAfter
	codeMessageName
	codeMessageID
	codeCorrelationKey
	codeTTL
	codeControl
	codeInstance
	codeHome
	codeElement
	codeNode
	codeExpires
	codeReason
	codeOriginTopic
	codeOriginPartition
	codeOriginOffset
	codeOriginKey
	codeDLQTopic
	codeDLQPartition
	codeDLQOffset
	codeDLQTimestamp
	codeDLQClass
	codeDLQMessage
	codeDLQFirstFailure
	codeDLQEngine
)

var headerNames = [...]string{
	codeCEID:            HeaderCEID,
	codeCEType:          HeaderCEType,
	codeCESource:        HeaderCESource,
	codeCESubject:       HeaderCESubject,
	codeCETime:          HeaderCETime,
	codeCESpecVersion:   HeaderCESpecVersion,
	codeContentType:     HeaderContentType,
	codeCorrelationID:   HeaderCorrelationID,
	codeAttempt:         HeaderAttempt,
	codeReplyTo:         HeaderReplyTo,
	codeReplyPartition:  HeaderReplyPartition,
	codeTaskType:        HeaderTaskType,
	codeElementID:       HeaderElementID,
	codeProcessID:       HeaderProcessID,
	codeBusinessKey:     HeaderBusinessKey,
	codeDeadline:        HeaderDeadline,
	codeTenant:          HeaderTenant,
	codeTraceParent:     HeaderTraceParent,
	codeStatus:          HeaderStatus,
	codeErrorMessage:    HeaderErrorMessage,
	codeErrorCode:       HeaderErrorCode,
	codeRetries:         HeaderRetries,
	codeRetryAfter:      HeaderRetryAfter,
	codeMessageName:     HeaderMessageName,
	codeMessageID:       HeaderMessageID,
	codeCorrelationKey:  HeaderCorrelationKey,
	codeTTL:             HeaderTTL,
	codeControl:         HeaderControl,
	codeInstance:        HeaderInstance,
	codeHome:            HeaderHome,
	codeElement:         HeaderElement,
	codeNode:            HeaderNode,
	codeExpires:         HeaderExpires,
	codeReason:          HeaderReason,
	codeOriginTopic:     HeaderOriginTopic,
	codeOriginPartition: HeaderOriginPartition,
	codeOriginOffset:    HeaderOriginOffset,
	codeOriginKey:       HeaderOriginKey,
	codeDLQTopic:        HeaderDLQTopic,
	codeDLQPartition:    HeaderDLQPartition,
	codeDLQOffset:       HeaderDLQOffset,
	codeDLQTimestamp:    HeaderDLQTimestamp,
	codeDLQClass:        HeaderDLQClass,
	codeDLQMessage:      HeaderDLQMessage,
	codeDLQFirstFailure: HeaderDLQFirstFailure,
	codeDLQEngine:       HeaderDLQEngine,
}

var headerCodes = func() map[string]byte {
	codes := make(map[string]byte, len(headerNames))
	for code, name := range headerNames {
		if name != "" {
			codes[name] = byte(code)
		}
	}
	return codes
}()

// ReservedHeader says whether name belongs to the protocol. A task header of that
// name in a model would shadow it and is not sent. Reserved are the names above
// and everything that begins with ce_, barnabas- or x-dlq-.
func ReservedHeader(name string) bool {
	if _, known := headerCodes[name]; known {
		return true
	}
	return strings.HasPrefix(name, "ce_") || strings.HasPrefix(name, "barnabas-") || strings.HasPrefix(name, dlqPrefix)
}
