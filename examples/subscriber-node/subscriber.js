// A downstream app: keeps a table of who holds which role in a file, and prints each change.
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import kafkajs from "kafkajs";

const [EVENTS, STATE] = ["role.events.v1", "role.state.v1"];
const [ASSIGNED, REVOKED] = ["rollcall.role.assigned.v1", "rollcall.role.revoked.v1"];
const CHANGES = { [ASSIGNED]: "now holds", [REVOKED]: "no longer holds" };
const [address, path] = process.argv.slice(2);
const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.ERROR });
const admin = kafka.admin();

// KafkaJS knows groups alone. The table says where to read, so each group is for one use.
async function read(topic, each) {
  const consumer = kafka.consumer({ groupId: `subscriber-${randomUUID()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: ({ batch }) => each(batch, consumer) });
  return consumer;
}

async function bootstrap(why) {
  console.error(`${why}, starting anew`);
  table = { offsets: {}, positions: {}, holds: {} };
  // First where the events end, then the state: it holds what they told up to there.
  for (const end of await admin.fetchTopicOffsets(EVENTS)) table.offsets[end.partition] = +end.high;
  const filled = (await admin.fetchTopicOffsets(STATE)).filter(({ low, high }) => low !== high);
  const unread = new Map(filled.map(({ partition, high }) => [partition, +high]));
  const consumer = await read(STATE, async ({ partition, messages }) => {
    for (const { key, value } of messages) learn(`${key}`, value && JSON.parse(value));
    if (+messages.at(-1).offset + 1 >= unread.get(partition)) unread.delete(partition);
  });
  while (unread.size) await new Promise((resolve) => setTimeout(resolve, 50));
  await consumer.disconnect();
}

function learn(key, state) {
  table.holds[key] = state?.data.roles.map((held) => held.role.key); // undefined: not in the file
  if (!state) return;
  // The events up to its number are contained, and maybe more: it is not exact.
  const [directory, at] = [key.split("/")[0], [state.generation, +state.sequence, false]];
  if (isAfter(at, table.positions[directory])) table.positions[directory] = at;
}

const isAfter = ([generation, sequence], last = [0, 0]) =>
  generation > last[0] || (generation === last[0] && sequence > last[1]);

// Apply an event once, and print what changed. Returns whether nothing is missing before it.
function apply(directory, event) {
  const [at, last] = [[event.generation, +event.sequence, true], table.positions[directory]];
  if (!isAfter(at, last)) return true; // a repeat, or contained in the state
  if (last?.[2] && at[1] !== (at[0] === last[0] ? last[1] + 1 : 1)) return false;
  table.positions[directory] = at;
  if (!(event.type in CHANGES)) return true; // new types may come at any time
  const { user, role, reason, rolesAfter } = event.data;
  table.holds[`${directory}/${user.id}`] = rolesAfter.length ? rolesAfter : undefined;
  console.log(`${user.userName} ${CHANGES[event.type]} ${role.name}: ${reason.kind}`);
  return true;
}

// Replace the file in one step: roles, positions and offsets change together.
function save() {
  writeFileSync(`${path}.new`, JSON.stringify(table, null, 1), { flush: true });
  renameSync(`${path}.new`, path);
}

await admin.connect();
let table = existsSync(path) ? JSON.parse(readFileSync(path)) : { offsets: {} };
const isThere = ({ partition, low }) => table.offsets[partition] >= +low;
if (!(await admin.fetchTopicOffsets(EVENTS)).every(isThere)) await bootstrap("no table of use");
save();
await read(EVENTS, async ({ partition, messages }, consumer) => {
  const [due, first] = [table.offsets[partition], +messages[0].offset];
  if (first < due) return consumer.seek({ topic: EVENTS, partition, offset: due });
  const fits = ({ key, value }) => apply(`${key}`, JSON.parse(value));
  if (first === due && messages.every(fits)) table.offsets[partition] = +messages.at(-1).offset + 1;
  else await bootstrap(`missed something in partition ${partition}`);
  save();
});
