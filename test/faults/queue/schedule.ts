import { call, callSchedule, type Message } from './client.js';

const NAME = 'faulty-schedule';
const EVERY_MS = 250;

/** Occurrences that are all to be sent, on a queue of their own. */
export async function beginSchedule(url: string): Promise<void> {
  const message = { body: 1 };
  await callSchedule(url, 'PUT', NAME, { queue: NAME, everyMs: EVERY_MS, missed: 'all', message });
}

/** Each occurrence up to the latest one must have been sent once. */
export async function checkSchedule(anyUrl: () => string) {
  const { body: schedule } = await callSchedule(anyUrl(), 'POST', `${NAME}/pause`);
  const { body } = await call(anyUrl(), 'POST', `${NAME}/receive`, { max: 1_000 });
  const sent = (body.messages as Message[]).map(occurrenceOf);
  const latest = Date.parse((schedule.last as { at: string }[])[0]?.at ?? '');
  const [first = latest] = sent;
  const faults = sent
    .filter((at, i) => at !== first + i * EVERY_MS)
    .slice(0, 3)
    .map((at) => `occurrence ${at} of a schedule was sent twice, or one before it never`);
  if (sent.length !== schedule.sent) faults.push(`${sent.length} occurrences, ${schedule.sent} counted`);
  if (sent.at(-1) !== latest) faults.push('the latest occurrence has no message');
  return { occurrences: sent.length, faults };
}

export const occurrenceOf = ({ id }: Message): number => Number(id.split('.')[1]);
