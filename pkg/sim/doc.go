// Package sim runs the shell in a world that is simulated: the real engine,
// orchestrator and relay, over a database and a Kafka in memory, in virtual time.
// One scheduler decides, by chance from a seed, what happens next: a call to the
// database takes effect, fails, or succeeds without an answer; Kafka takes records
// or does not; processes die, stand still and wake; homes move; workers answer
// twice, late or never. After each step a checker compares all that is committed
// and published with books of its own. In the end all faults stop, and everything
// that can end must end.
//
// Processes run as goroutines that wait at seams (the interfaces that the
// orchestrator and the relay declare for what they need) until the scheduler grants
// what they asked for. So exactly one thing happens at a time, and a seed leads to
// the same run every time. The package knows the seams and what must hold; it knows
// nothing of how the parts keep it.
//
// Not simulated: the SQL (TestDatabaseAnswersLikePostgres compares it with the
// database here), the Kafka client, REST, decisions (DMN), history.
//
// Start reading at World.run, then act and grant; checker says what must hold.
package sim
