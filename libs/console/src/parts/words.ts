const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A length of time in words: its largest unit, and the next when it is one of few. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms);
  for (const [i, [unit, size]] of UNITS.entries()) {
    if (whole < size) continue;
    const count = Math.floor(whole / size);
    const next = UNITS[i + 1];
    const rest = next === undefined ? 0 : Math.floor((whole % size) / next[1]);
    return count < 10 && next !== undefined && rest > 0
      ? `${count} ${unit} ${rest} ${next[0]}`
      : `${count} ${unit}`;
  }
  return `${Math.round(whole)} ms`;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(count: number): string {
  let [size, unit] = [count, 0];
  while (size >= 1_024 && unit < SIZES.length - 1) [size, unit] = [size / 1_024, unit + 1];
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${SIZES[unit]}`;
}

const plain = new Intl.NumberFormat('en');
export const count = (value: number): string => plain.format(value);

/** A rate a second. */
export const rate = (value: number): string =>
  value >= 10 || value === 0 ? count(Math.round(value)) : value.toFixed(1);

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** When: by the clock, and with the day unless it is today. */
export function instant(at: number, now: number): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  return (isToday ? CLOCK : DAY).format(at);
}
