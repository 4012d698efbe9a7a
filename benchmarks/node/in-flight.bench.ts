import { benchmark, type Contestant } from '../harness/index.js';

const TURNS = 1_000;
const ENTRIES_A_TURN = 4;
const STAY = 3;

interface Table {
  set(id: number, entry: object): void;
  delete(id: number): void;
}

/** What a request holds: small objects that are of no use once it is answered. */
const entry = () => ({ body: Array.from({ length: 200 }, (_, i) => ({ i })) });

/** Makes garbage while the table is left alone, until the young generation was collected more than twice. */
function growOld(): number {
  let kept = 0;
  for (let i = 0; i < 20_000; i += 1) kept += entry().body.length;
  return kept;
}

const contestant = (name: string, makeTable: () => Table): Contestant => ({
  name,
  start: async () => {
    const table = makeTable();
    let lastId = 0;
    const enter = () => {
      lastId += 1;
      table.set(lastId, entry());
    };
    for (let i = 0; i < STAY; i += 1) enter();
    return {
      prepare: async () => growOld(),
      operation: async () => {
        for (let turn = 0; turn < TURNS; turn += 1) {
          for (let i = 0; i < ENTRIES_A_TURN; i += 1) {
            enter();
            table.delete(lastId - STAY);
          }
        }
        return TURNS;
      },
    };
  },
});

function objectTable(): Table {
  const entries: Record<number, object> = Object.create(null);
  return {
    set: (id, value) => {
      entries[id] = value;
    },
    delete: (id) => {
      delete entries[id];
    },
  };
}

export default benchmark({
  question:
    'How many turns a second, in each of which four requests come and go, by where they stand meanwhile?',
  unit: 'turns/s',
  rounds: 3,
  contestants: [contestant('an object', objectTable), contestant('a Map', () => new Map<number, object>())],
  caveats: [
    'Before each round the table is left alone until it is old to the garbage collector, as that of a node is after a quiet moment.',
    'A request is 200 small objects. What differs is how much garbage the collector has to carry along.',
  ],
});
