// A random walk of an XState machine until every transition is covered: `node xstate_walk.mjs MACHINE.json SEED`.
import { readFileSync } from "node:fs";
import { createActor, createMachine, getNextSnapshot } from "xstate";

const [file, seed] = process.argv.slice(2);
const machine = createMachine(JSON.parse(readFileSync(file, "utf-8")));
const states = Object.entries(machine.root.states).map(([name, state]) => [name, Object.keys(state.config.on ?? {})]);
const events = new Map(states);
const total = states.reduce((sum, [, names]) => sum + names.length, 0);

let number = Number(seed) >>> 0;
const below = (count) => {
  number = (Math.imul(number, 1664525) + 1013904223) >>> 0;
  return Math.floor((number / 2 ** 32) * count);
};

const begun = process.cpuUsage();
let snapshot = createActor(machine).getSnapshot();
const covered = new Set();
let actions = 0;
while (covered.size < total) {
  const names = events.get(snapshot.value);
  const type = names[below(names.length)];
  covered.add(`${snapshot.value} ${type}`);
  snapshot = getNextSnapshot(machine, snapshot, { type });
  actions += 1;
}
const spent = process.cpuUsage(begun);
console.log(JSON.stringify({ actions, seconds: (spent.user + spent.system) / 1e6 }));
