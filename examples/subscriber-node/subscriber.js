// A downstream app in miniature: keeps a table of who holds which role, and prints each change.
//
//     node subscriber.js KAFKA_ADDRESS TABLE [GROUP]
//
// The file TABLE is JSON: `holds` has a row for each user that holds a role, by directory/user.
import { constants, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import kafkajs from "kafkajs";

const [EVENTS, STATE] = ["role.events.v1", "role.state.v1"];
const [ASSIGNED, REVOKED] = ["rollcall.role.assigned.v1", "rollcall.role.revoked.v1"];
const WHY = { inactive: "was suspended", deleted: "was deleted", mapping: "by a new mapping" };
const [address, path, group = "example-node"] = process.argv.slice(2);
if (!path) throw new Error("say where Kafka is, and the file for the table");
const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.ERROR });

// Replace the file in one step: roles and positions change together or not at all.
function save() {
  const flag = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_SYNC;
  writeFileSync(`${path}.new`, JSON.stringify(table, null, 1), { flag });
  renameSync(`${path}.new`, path);
}

// Make the table from the compacted topic.
async function bootstrap() {
  const made = { offsets: {}, positions: {}, holds: {} };
  const [admin, once] = [kafka.admin(), kafka.consumer({ groupId: `${group}-once-${Date.now()}` })];
  await Promise.all([admin.connect(), once.connect()]);
  // First where the events end, then the state: it holds what they told up to there.
  for (const at of await admin.fetchTopicOffsets(EVENTS)) made.offsets[at.partition] = +at.offset;
  const unread = new Map();
  for (const { partition, low, high } of await admin.fetchTopicOffsets(STATE))
    if (low !== high) unread.set(partition, +high);
  await once.subscribe({ topic: STATE, fromBeginning: true });
  const eachMessage = async ({ partition, message: { key, value, offset } }) => {
    learn(made, key.toString(), value && JSON.parse(value));
    if (+offset + 1 >= unread.get(partition)) unread.delete(partition);
  };
  if (unread.size) await once.run({ autoCommit: false, eachMessage });
  while (unread.size) await new Promise((resolve) => setTimeout(resolve, 50));
  await Promise.all([admin.disconnect(), once.disconnect()]);
  return made;
}

// Take in a record of the compacted topic; without a value the user holds nothing.
function learn(made, key, state) {
  delete made.holds[key];
  if (!state) return;
  made.holds[key] = [state.data.user.userName, ...state.data.roles.map((held) => held.role.key)];
  // At least up to here: the events that went before are contained.
  const [directory, at] = [key.split("/")[0], [state.generation, +state.sequence, false]];
  if (!isRepeat(at, made.positions[directory])) made.positions[directory] = at;
}

const isRepeat = ([generation, sequence], last = [0, 0]) =>
  generation < last[0] || (generation === last[0] && sequence <= last[1]);

// Apply an event, and say what changed in a sentence. Throws a RangeError for a gap.
function apply(directory, event) {
  const [at, last] = [[event.generation, +event.sequence, true], table.positions[directory]];
  if (isRepeat(at, last)) return; // or contained in the state
  if (last?.[2] && at[1] !== (at[0] === last[0] ? last[1] + 1 : 1))
    throw new RangeError(`directory ${directory}: ${at} after ${last}`);
  table.positions[directory] = at;
  // Unknown types may come at any time.
  if (event.type !== ASSIGNED && event.type !== REVOKED) return;
  const { user, role, reason, rolesAfter } = event.data;
  delete table.holds[`${directory}/${user.id}`];
  if (rolesAfter.length) table.holds[`${directory}/${user.id}`] = [user.userName, ...rolesAfter];
  const groups = reason.groups.map((each) => each.displayName).join(" and ") || reason.kind;
  const gained = `now holds ${role.name}, through ${groups}`;
  const why = WHY[reason.kind] ?? `left ${groups}`;
  console.log(user.userName, event.type === ASSIGNED ? gained : `no longer holds ${role.name}: ${why}`);
}

let table = existsSync(path) ? JSON.parse(readFileSync(path)) : await bootstrap();
save();
const consumer = kafka.consumer({ groupId: group, sessionTimeout: 10_000 });
await consumer.connect();
await consumer.subscribe({ topic: EVENTS, fromBeginning: true });
await consumer.run({
  autoCommit: false, eachBatchAutoResolve: false,
  eachBatch: async ({ batch: { partition, messages }, resolveOffset }) => {
    const [due, first] = [table.offsets[partition] ?? 0, +messages[0].offset];
    // Kafka decides who reads, the table from where.
    if (first < due) return consumer.seek({ topic: EVENTS, partition, offset: `${due}` });
    try {
      if (first > due) throw new RangeError(`partition ${partition}: ${due} is gone`);
      for (const { key, value } of messages) apply(key.toString(), JSON.parse(value));
      table.offsets[partition] = +messages.at(-1).offset + 1;
    } catch (gap) {
      if (!(gap instanceof RangeError)) throw gap;
      console.error(`missed something, starting anew: ${gap.message}`);
      table = await bootstrap();
    }
    save();
    resolveOffset(messages.at(-1).offset);
    const offset = `${table.offsets[partition]}`;
    await consumer.commitOffsets([{ topic: EVENTS, partition, offset }]);
  },
});
