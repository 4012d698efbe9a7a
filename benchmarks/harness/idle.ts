import { setTimeout as sleep } from 'node:timers/promises';

interface Sample {
  readonly cpuSeconds: number;
  readonly residentMiB: number;
  readonly at: number;
}

async function sample(url: string): Promise<Sample> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const metric = (name: string) =>
    Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1] ?? Number.NaN);
  return {
    cpuSeconds: metric('process_cpu_seconds_total'),
    residentMiB: metric('process_resident_memory_bytes') / 2 ** 20,
    at: performance.now(),
  };
}

/** Tells what each node uses while it has nothing to do but to stay in its cluster. */
export async function printIdle(
  urls: readonly string[],
  { seconds = 10, say }: { seconds?: number | undefined; say: (line: string) => void },
): Promise<void> {
  const before = await Promise.all(urls.map(sample));
  await sleep(seconds * 1_000);
  const after = await Promise.all(urls.map(sample));
  urls.forEach((url, index) => {
    const [a, b] = [before[index] as Sample, after[index] as Sample];
    const cpu = ((b.cpuSeconds - a.cpuSeconds) / ((b.at - a.at) / 1_000)) * 100;
    say(`${url}  processor ${cpu.toFixed(2)} % of one core, memory ${b.residentMiB.toFixed(0)} MiB`);
  });
}
