import { Cron } from 'croner';
import type { FieldError } from './validation.js';

/** A cron expression of five or six fields, read by the clock of a time zone. @throws when it is none */
export const cronIn = (timeZone: string, expression: string): Cron =>
  new Cron(expression, { timezone: timeZone, mode: '5-or-6-parts' });

/** What is wrong with a time zone. */
export function zoneFault(timeZone: string): FieldError | undefined {
  try {
    Intl.DateTimeFormat('en', { timeZone });
    return undefined;
  } catch {
    return { path: 'timeZone', message: `expected an IANA time zone such as Europe/Berlin, not ${timeZone}` };
  }
}

/** What is wrong with a cron expression in a time zone. */
export function cronFault(timeZone: string, expression: string): FieldError | undefined {
  try {
    const cron = cronIn(timeZone, expression);
    // It takes single dates as well.
    if (cron.getOnce() !== null) return { path: 'cron', message: 'expected five or six fields, not a date' };
    if (cron.nextRun(new Date(0)) !== null) return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w+: /, '') : String(error);
    return { path: 'cron', message: why };
  }
  return { path: 'cron', message: 'there is no such date, so it would never send' };
}
