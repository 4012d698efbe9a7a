import { Clock } from './clock.js';

/** A clock whose two sources a test sets. */
function clocks() {
  const time = { monotonic: 1_000, wall: 1_700_000_000_000 };
  const clock = new Clock(
    () => time.monotonic,
    () => time.wall,
  );
  const pass = (ms: number) => {
    time.monotonic += ms;
    time.wall += ms;
  };
  return { time, clock, pass };
}

describe('Clock', () => {
  it('follows the monotonic clock while the machine is awake', () => {
    const { clock, pass } = clocks();
    const before = clock.now();
    pass(12_345);
    expect(clock.now() - before).toBe(12_345);
    expect(clock.sleptMs).toBe(0);
  });

  it('continues while the machine sleeps', () => {
    const { time, clock, pass } = clocks();
    const before = clock.now();
    pass(100);
    time.wall += 3_600_000;
    pass(100);
    expect(clock.now() - before).toBe(3_600_200);
    expect(clock.sleptMs).toBe(3_600_000);
  });

  it('ignores wall time that is adjusted in small steps or set back', () => {
    const { time, clock, pass } = clocks();
    const before = clock.now();
    for (let i = 0; i < 1_000; i++) {
      pass(1_000);
      time.wall += 1;
      clock.now();
    }
    time.wall -= 7_200_000;
    expect(clock.now() - before).toBe(1_000_000);
    pass(10);
    expect(clock.now() - before).toBe(1_000_010);
  });

  it('does not compare two readings when the process was stopped between them', () => {
    let monotonic = 0;
    let stoppedMs = 0;
    const clock = new Clock(
      () => monotonic,
      () => {
        monotonic += stoppedMs;
        return 1_000_000 + monotonic - stoppedMs;
      },
    );
    stoppedMs = 400;
    clock.now();
    stoppedMs = 0;
    clock.now();
    expect(clock.sleptMs).toBe(0);
  });
});
