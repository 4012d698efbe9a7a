import { SharedLoad } from './shared-loads.js';

const NEVER = new AbortController().signal;

/** A load whose loader is running, until the test ends it. */
function running({ waited }: { waited: boolean }) {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const load = new SharedLoad(
    async (own) => {
      own.begin({ waited });
      await ended;
      return { how: 'loaded', bytes: Buffer.from('1') };
    },
    () => {},
  );
  return { load, end };
}

describe('SharedLoad', () => {
  it('is shared after the wait by callers that began before its loader, however late they join', async () => {
    const begun = performance.now();
    const { load, end } = running({ waited: true });
    const herd = [load.join(begun, 0, NEVER), load.join(begun, 0, NEVER)];
    // The waits of both are over before the loader ends.
    expect(await load.join(performance.now(), 1, NEVER)).toBeNull();
    end();
    expect(await Promise.all(herd)).toEqual(herd.map(() => ({ how: 'loaded', bytes: Buffer.from('1') })));
  });

  it('is not waited for longer than asked when its loader did not wait', async () => {
    const begun = performance.now();
    const { load, end } = running({ waited: false });
    expect(await load.join(begun, 1, NEVER)).toBeNull();
    end();
  });
});
