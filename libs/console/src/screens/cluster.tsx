import { useSignal } from '@preact/signals';
import type { Member, Owner, Role, Event as Told } from '@syncline/contracts';
import { act } from '../parts/outcome.js';
import { Table } from '../parts/table.js';
import { When } from '../parts/time.js';
import { bytes, count } from '../parts/words.js';
import { call } from '../state/api.js';
import { away, live } from '../state/live.js';
import { Tape } from './tape.js';

const ROLES = ['lock', 'queue', 'cache'] as const;
const OF_MEMBERS = new Set<Told['type']>(['joined', 'left', 'fenced', 'instance']);

export function Cluster() {
  const redis = (live.queue.value ?? live.lock.value ?? live.cache.value)?.redis;
  return (
    <>
      <h1>Cluster</h1>
      {redis !== undefined && (
        <dl class="facts">
          <Fact title="Redis" value={redis.version} />
          <Fact title="Round trip" value={`${redis.latencyMs} ms`} />
          <Fact title="Commands/s" value={count(redis.commandsPerSecond)} />
          <Fact
            title="Memory"
            value={`${bytes(redis.usedBytes)}${redis.maxBytes === null ? '' : ` of ${bytes(redis.maxBytes)}`}`}
          />
          <Fact title="Disk" value={redis.isSaved ? 'writes go well' : 'the last write failed'} />
          <Fact title="Replicas" value={String(redis.replicas)} />
        </dl>
      )}
      {ROLES.map((role) => (
        <RoleNodes key={role} role={role} />
      ))}
      <Tape title="Who came and went" shows={({ type }) => OF_MEMBERS.has(type)} />
    </>
  );
}

const Fact = ({ title, value }: { title: string; value: string }) => (
  <div>
    <dt>{title}</dt>
    <dd>{value}</dd>
  </div>
);

function RoleNodes({ role }: { role: Role }) {
  const members = live[role].value?.cluster.members ?? [];
  const owners = role === 'lock' ? [] : members.filter(({ share }) => share > 0);
  return (
    <section>
      <h2>{role} nodes</h2>
      {away.value[role] !== undefined && <p class="bad">{away.value[role]}</p>}
      <div class="cluster">
        <Table
          label={`${role} nodes`}
          rows={members}
          keyOf={({ nodeId }) => nodeId}
          empty="None is known."
          columns={[
            {
              title: 'Node',
              cell: (member) => (
                <>
                  {owners.includes(member) && (
                    <i class="swatch" style={{ background: colourOf(owners, member) }} />
                  )}
                  {member.nodeId}
                </>
              ),
            },
            { title: 'Kind', cell: ({ kind }) => kind },
            {
              title: 'State',
              cell: ({ state }) => <span class={state === 'alive' ? 'tag' : 'tag warning'}>{state}</span>,
            },
            { title: 'Since', cell: ({ startedAt }) => <When at={startedAt} /> },
            {
              title: 'Share of the ring',
              isNumber: true,
              cell: ({ share }) => `${(share * 100).toFixed(1)} %`,
            },
            { title: 'Address', cell: ({ url }) => url },
          ]}
        />
        {owners.length > 0 && <Shares owners={owners} />}
      </div>
      {role !== 'lock' && <WhoOwns role={role} />}
    </section>
  );
}

const COLOURS = ['--blue', '--green', '--amber', '--violet', '--red'];
const RADIUS = 50;
const AROUND = 2 * Math.PI * RADIUS;

/** Of the arc of a node, and of its line in the table. */
const colourOf = (owners: readonly Member[], member: Member) =>
  `var(${COLOURS[owners.indexOf(member) % COLOURS.length]})`;

/** How the ring is shared: an arc a node. */
function Shares({ owners }: { owners: readonly Member[] }) {
  let before = 0;
  return (
    <svg
      class="ring"
      viewBox="-64 -64 128 128"
      role="img"
      aria-label={owners.map(({ nodeId, share }) => `${nodeId} ${Math.round(share * 100)} %`).join(', ')}
    >
      {owners.map((owner) => {
        const { nodeId, share } = owner;
        const start = before;
        before += share;
        return (
          <circle
            key={nodeId}
            r={RADIUS}
            style={{ stroke: colourOf(owners, owner) }}
            stroke-dasharray={`${Math.max(0, share * AROUND - 2)} ${AROUND}`}
            stroke-dashoffset={-start * AROUND}
          >
            <title>{`${nodeId}: ${(share * 100).toFixed(1)} %`}</title>
          </circle>
        );
      })}
    </svg>
  );
}

function WhoOwns({ role }: { role: Role }) {
  const key = useSignal('');
  const submit = (event: Event) => {
    event.preventDefault();
    void act(
      () => call<Owner>(role, 'GET', `cluster/owner?${new URLSearchParams({ key: key.value })}`),
      (owner) => `${owner.key} is owned by ${owner.nodeId}.`,
    );
  };
  return (
    <form class="tools" onSubmit={submit}>
      <input
        aria-label={`Name of a ${role}`}
        placeholder={`Name of a ${role}`}
        required
        value={key}
        onInput={({ currentTarget }) => {
          key.value = currentTarget.value;
        }}
      />
      <button type="submit">Who owns it?</button>
    </form>
  );
}
