import { benchmark, type Contestant } from '../harness/index.js';

const MADE_AT_ONCE = 1_000;

/** Makes one for each request, listens to it, and lets go of it. */
const contestant = (name: string, make: () => Pick<EventTarget, 'addEventListener'>): Contestant => ({
  name,
  start: async () => ({
    operation: async () => {
      for (let i = 0; i < MADE_AT_ONCE; i += 1) make().addEventListener('abort', () => undefined);
      return MADE_AT_ONCE;
    },
  }),
});

export default benchmark({
  question:
    'How many signals a second can be made and listened to, by which a request learns that its caller is gone?',
  unit: 'signals/s',
  rounds: 3,
  contestants: [
    contestant('EventTarget', () => new EventTarget()),
    contestant('AbortController', () => new AbortController().signal),
  ],
});
