import type { Queue, QueueFigures } from '@syncline/contracts';
import { Chart } from '../parts/chart.js';
import { useLoaded } from '../parts/loaded.js';
import { bytes, count, duration } from '../parts/words.js';
import { call, path } from '../state/api.js';
import { now } from '../state/live.js';

/** As often as its owner samples a queue. */
const EVERY_MS = 10_000;

type Sample = QueueFigures['samples'][number];

/** The counts of a queue, and how they went in the last hour. */
export function Figures({ queue: { name, stats } }: { queue: Queue }) {
  const { value: hour, error } = useLoaded(() => hourOf(name), [name, Math.floor(now.value / EVERY_MS)]);
  return (
    <>
      <dl class="facts">
        <Fact title="Oldest ready" value={stats.ready === 0 ? '–' : duration(stats.oldestReadyAgeMs)} />
        <Fact title="Size" value={bytes(stats.bytes)} />
        <Fact title="Sent" value={count(stats.sent)} />
        <Fact title="Received" value={count(stats.received)} />
        <Fact title="Acknowledged" value={count(stats.acked)} />
        <Fact title="Failed" value={count(stats.failed)} />
        <Fact title="Expired" value={count(stats.expired)} />
        <Fact title="Lost by Redis" value={count(stats.lost)} />
      </dl>
      {hour === undefined ? (
        <p class="empty">{error ?? 'Reading the last hour …'}</p>
      ) : (
        <Charts hour={hour} />
      )}
    </>
  );
}

/** What the owner of a queue on the ring has sampled: any node knows which it is. */
async function hourOf(queue: string): Promise<QueueFigures> {
  const figures = path('queues', queue, 'figures');
  const { nodeId } = await call<QueueFigures>('queue', 'GET', figures);
  return call<QueueFigures>(nodeId, 'GET', figures);
}

function Charts({ hour: { queue, nodeId, samples } }: { hour: QueueFigures }) {
  // Two for a rate, and two rates for a line.
  if (samples.length < 3)
    return (
      <p class="empty">
        The charts come within half a minute: {nodeId} has just begun to sample {queue}.
      </p>
    );
  const times = samples.map(({ at }) => Date.parse(at));
  const values = (name: 'ready' | 'delayed' | 'inFlight') => samples.map((sample) => sample[name]);
  return (
    <>
      <p class="quiet">The last hour, or as much of it as {nodeId} has sampled.</p>
      <div class="charts">
        <Chart
          label={`Messages of ${queue}`}
          times={times}
          lines={[
            { label: 'ready', colour: '--blue', values: values('ready') },
            { label: 'in flight', colour: '--amber', values: values('inFlight') },
            { label: 'delayed', colour: '--violet', values: values('delayed') },
          ]}
        />
        <Chart
          label={`Rates of ${queue}`}
          times={times.slice(1)}
          lines={[
            { label: 'sent/s', colour: '--blue', values: rates(samples, 'sent') },
            { label: 'acknowledged/s', colour: '--green', values: rates(samples, 'acked') },
            { label: 'failed/s', colour: '--red', values: rates(samples, 'failed') },
          ]}
        />
        <Chart
          label={`Oldest ready message of ${queue}`}
          times={times}
          lines={[
            {
              label: 'waits, s',
              colour: '--amber',
              values: samples.map(({ oldestReadyAgeMs }) => oldestReadyAgeMs / 1_000),
            },
          ]}
        />
      </div>
    </>
  );
}

/** A second, from each sample to the next. */
function rates(samples: readonly Sample[], count: 'sent' | 'acked' | 'failed'): number[] {
  return samples.slice(1).map((sample, i) => {
    const before = samples[i] ?? sample;
    const seconds = (Date.parse(sample.at) - Date.parse(before.at)) / 1_000;
    // Less than before: the queue was made anew.
    return Math.max(0, sample[count] - before[count]) / seconds;
  });
}

const Fact = ({ title, value }: { title: string; value: string }) => (
  <div>
    <dt>{title}</dt>
    <dd>{value}</dd>
  </div>
);
