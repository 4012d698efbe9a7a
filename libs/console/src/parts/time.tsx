import { useEffect, useRef } from 'preact/hooks';
import { now } from '../state/live.js';
import { duration, instant } from './words.js';

/** A moment: how long ago or how long until, and when. */
export function When({ at }: { at: string | number | null }) {
  if (at === null) return <span class="quiet">never</span>;
  const time = typeof at === 'string' ? Date.parse(at) : at;
  const distance = now.value - time;
  const words = distance >= 0 ? `${duration(distance)} ago` : `in ${duration(-distance)}`;
  return (
    <time dateTime={new Date(time).toISOString()}>
      {words} <span class="quiet">{instant(time, now.value)}</span>
    </time>
  );
}

/** How much of a lease is left: it runs down by itself, without asking. */
export function TimeLeft({ until, of }: { until: string; of: number }) {
  const bar = useRef<HTMLSpanElement>(null);
  const end = Date.parse(until);
  const left = Math.max(0, end - now.value);
  // It runs by the clock of the browser until the lease is renewed.
  useEffect(() => {
    const share = Math.min(1, left / of);
    const run = bar.current?.animate([{ transform: `scaleX(${share})` }, { transform: 'scaleX(0)' }], {
      duration: left,
      fill: 'forwards',
    });
    return () => run?.cancel();
  }, [until, of]);
  return (
    <span class="time-left">
      <span class="track">
        <span class="bar" ref={bar} />
      </span>
      {left > 0 ? duration(left) : 'ends now'}
    </span>
  );
}
