import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const HEIGHT = 180;

interface Line {
  readonly label: string;
  /** A custom property of the style sheet. */
  readonly colour: string;
  readonly values: readonly number[];
}
interface ChartProps {
  readonly label: string;
  /** Ms since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}

/** Lines over time. */
export function Chart({ label, times, lines }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data: uPlot.AlignedData = [times.map((at) => at / 1_000), ...lines.map(({ values }) => [...values])];
  // Made once; new points are given to it below.
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const style = getComputedStyle(element);
    const axis = {
      stroke: style.getPropertyValue('--quiet'),
      grid: { stroke: style.getPropertyValue('--line'), width: 1 },
    };
    plot.current = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { live: true },
        cursor: { drag: { x: false, y: false } },
        axes: [axis, { ...axis, size: 60 }],
        series: [
          {},
          ...lines.map((line) => ({
            label: line.label,
            stroke: style.getPropertyValue(line.colour),
            width: 1.5,
          })),
        ],
      },
      data,
      element,
    );
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data));
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}
