import { graphlib, layout } from '@dagrejs/dagre';
import type { WaitList } from '@syncline/contracts';
import { useMemo } from 'preact/hooks';

const [HEIGHT, LETTER, PADDING] = [34, 7.5, 24];
const MOST_LETTERS = 28;
const shorten = (text: string) => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text);

/** One owner waits for another, by all names that are between them. */
interface Wait {
  readonly owner: string;
  readonly holder: string;
  readonly names: readonly string[];
}

/** Owners and what they wait for, drawn; those that wait for each other in a circle are red. */
export function WaitGraph({ waits }: { waits: WaitList['waits'] }) {
  const arrows = arrowsOf(waits);
  const text = JSON.stringify(arrows);
  // Laid out again only when the arrows have changed.
  const { width, height, owners, lines } = useMemo(() => draw(arrows), [text]);
  return (
    <div class="graph">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        role="img"
        aria-label="Who waits for whom; the list below says the same"
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0,0 L8,4 L0,8 z" />
          </marker>
        </defs>
        {lines.map(({ owner, holder, names, path, x, y, isRound }) => (
          <g key={JSON.stringify([owner, holder])} class={isRound ? 'wait round' : 'wait'}>
            <path d={path} marker-end="url(#arrow)" />
            <text x={x} y={y - 6}>
              {shorten(names.join(', '))}
            </text>
          </g>
        ))}
        {owners.map(({ owner, x, y, wide, isRound }) => (
          <g key={owner} class={isRound ? 'owner round' : 'owner'}>
            <rect x={x - wide / 2} y={y - HEIGHT / 2} width={wide} height={HEIGHT} rx="6" />
            <text x={x} y={y + 4}>
              {shorten(owner)}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

function arrowsOf(waits: WaitList['waits']): readonly Wait[] {
  const found = new Map<string, { owner: string; holder: string; names: string[] }>();
  for (const { owner, waitsFor, heldBy } of waits) {
    for (const holder of heldBy) {
      const between = JSON.stringify([owner, holder]);
      const arrow = found.get(between) ?? { owner, holder, names: [] };
      arrow.names.push(waitsFor);
      found.set(between, arrow);
    }
  }
  return [...found.values()];
}

function draw(arrows: readonly Wait[]) {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 24, ranksep: 110, marginx: 8, marginy: 8 });
  const names = [...new Set(arrows.flatMap(({ owner, holder }) => [owner, holder]))];
  for (const owner of names)
    graph.setNode(owner, { width: shorten(owner).length * LETTER + PADDING, height: HEIGHT });
  for (const { owner, holder } of arrows) graph.setEdge(owner, holder, {});
  const circleOf = new Map(
    graphlib.alg.findCycles(graph).flatMap((circle, i) => circle.map((owner) => [owner, i])),
  );
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  const owners = names.map((owner) => {
    const { x = 0, y = 0, width: wide = 0 } = graph.node(owner);
    return { owner, x, y, wide, isRound: circleOf.has(owner) };
  });
  const lines = arrows.map((arrow) => {
    const points: readonly { x: number; y: number }[] = graph.edge(arrow.owner, arrow.holder).points ?? [];
    const { x, y } = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
    const path = points
      .map((point, i) => `${i === 0 ? 'M' : 'L'}${point.x.toFixed(1)},${point.y.toFixed(1)}`)
      .join(' ');
    const circle = circleOf.get(arrow.owner);
    return { ...arrow, path, x, y, isRound: circle !== undefined && circle === circleOf.get(arrow.holder) };
  });
  return { width, height, owners, lines };
}
