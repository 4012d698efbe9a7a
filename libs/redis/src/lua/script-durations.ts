import { Durations } from '../durations.js';

const byScript = new Map<string, Durations>();

/** From the call of a script to its reply, by `library.command`, in this process. */
export const scriptDurations: ReadonlyMap<string, Durations> = byScript;

/** The durations of a script that is called from now on. */
export function durationsOf(script: string): Durations {
  const known = byScript.get(script) ?? new Durations();
  byScript.set(script, known);
  return known;
}
