import { None, parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Result } from './results.js';

/**
 * Draws a result: throughput over load as lines with the spread of the rounds, or bars when there is one load.
 *
 * @returns the text of an SVG
 */
export async function plot(result: Result): Promise<string> {
  const { points, unit, loadUnit, question } = result;
  const values = points.map(({ contestant, load, perSecond }) => ({ contestant, load, ...perSecond }));
  const order = [...new Set(points.map(({ contestant }) => contestant))];
  const manyLoads = new Set(points.map(({ load }) => load)).size > 1;
  const y = { field: 'median', type: 'quantitative', title: unit } as const;
  const legend = { labelLimit: 0 };
  const color = { field: 'contestant', type: 'nominal', sort: order, title: null, legend } as const;
  const range = { y: { field: 'min', type: 'quantitative' }, y2: { field: 'max' } } as const;
  const loadAxis = { field: 'load', type: 'ordinal', title: loadUnit, axis: { labelAngle: 0 } } as const;
  const nameAxis = { field: 'contestant', type: 'nominal', sort: order, title: null } as const;
  const x = manyLoads ? loadAxis : nameAxis;
  const spec: TopLevelSpec = {
    title: { text: question, anchor: 'start' },
    width: manyLoads ? 520 : { step: 90 },
    height: 300,
    background: 'white',
    data: { values },
    layer: [
      manyLoads
        ? { mark: { type: 'line', point: true }, encoding: { x, y, color } }
        : { mark: 'bar', encoding: { x, y, color: { ...color, legend: null } } },
      { mark: { type: 'rule' }, encoding: { x, ...range, ...(manyLoads ? { color } : {}) } },
    ],
  };
  const view = new View(parse(compile(spec).spec), { renderer: 'none', logLevel: None });
  return view.toSVG();
}
