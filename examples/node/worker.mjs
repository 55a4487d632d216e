// A worker for the task type "greet".

import { Consumer, Producer, ProduceAcks, stringDeserializers, stringSerializers } from '@platformatic/kafka'

const bootstrapBrokers = (process.env.BROKERS ?? 'localhost:9092').split(',')
const taskTopic = process.env.TASK_TOPIC ?? 'barnabas.task.greet'
const groupId = process.env.GROUP ?? 'greet-node'

// An error the model expects: an error boundary event with this code catches it.
class BPMNError extends Error {
  constructor (code, message) {
    super(message)
    this.code = code
  }
}

// Does the task: takes its variables, returns the result variables.
async function greet ({ name }) {
  if (!name) throw new BPMNError('NO_NAME', 'there is nobody to greet')
  return { greeting: `Hello ${name}` }
}

// Calls greet and gives the result's value and headers.
async function answer (command) {
  try {
    return { value: JSON.stringify(await greet(JSON.parse(command.value))) }
  } catch (e) {
    if (e instanceof BPMNError) {
      return { headers: { status: 'bpmn-error', errorCode: e.code, errorMessage: e.message } }
    }
    return { headers: { status: 'failed', errorMessage: String(e) } } // the model says how often to try again
  }
}

const producer = new Producer({ clientId: groupId, bootstrapBrokers, serializers: stringSerializers, acks: ProduceAcks.ALL, idempotent: true })
const consumer = new Consumer({ clientId: groupId, groupId, bootstrapBrokers, deserializers: stringDeserializers })
const commands = await consumer.consume({ topics: [taskTopic], mode: 'committed', fallbackMode: 'earliest', autocommit: false, maxWaitTime: 500 })

let stopping = false
async function stop () {
  if (stopping) return
  stopping = true
  await commands.close()
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

for await (const command of commands) {
  const { headers } = command
  if (headers.has('correlationId')) {
    const result = await answer(command)
    await producer.send({
      messages: [{
        topic: headers.get('replyTo'),
        partition: Number(headers.get('replyPartition')),
        key: command.key,
        value: result.value ?? '{}',
        headers: { correlationId: headers.get('correlationId'), ...result.headers }
      }]
    })
  } else {
    console.error(`skip ${command.topic}/${command.partition} at ${command.offset}: not a task command`)
  }
  await command.commit() // Kafka has the result
}
await consumer.close(true)
await producer.close(true)
