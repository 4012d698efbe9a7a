import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { promtool } from './prometheus.js';
import { alerts } from './watched.js';

const run = promisify(execFile);
const text = (file: string) => readFileSync(file, 'utf8');

describe('alerts', () => {
  it('fire for what is wrong and for nothing else, as promtool judges', async () => {
    // Its words are in the error.
    await run(promtool(), ['check', 'config', 'deploy/prometheus/prometheus.yml']);
    await run(promtool(), ['test', 'rules', 'deploy/prometheus/rules.test.yml']);
  });

  it('are each tested when they fire and when they do not', () => {
    const { tests } = parse(text('deploy/prometheus/rules.test.yml'));
    const judged: { alertname: string; exp_alerts: unknown[] }[] = tests.flatMap(
      ({ alert_rule_test }: { alert_rule_test: unknown[] }) => alert_rule_test,
    );
    for (const { alert } of alerts) {
      const fires = judged
        .filter(({ alertname }) => alertname === alert)
        .map(({ exp_alerts }) => exp_alerts.length > 0);
      expect([alert, fires]).toEqual([alert, [false, true]]);
    }
  });

  it('lead to their paragraph of docs/operations.md, which has no others', () => {
    const anchors = [...text('docs/operations.md').matchAll(/^#### (Syncline\w+)$/gm)].map(
      ([, title = '']) => `docs/operations.md#${title.toLowerCase()}`,
    );
    expect(alerts.map(({ annotations }) => annotations.runbook_url)).toEqual(anchors);
    expect(anchors).toEqual(alerts.map(({ alert }) => `docs/operations.md#${alert.toLowerCase()}`));
  });
});

it('dashboards are what their source makes (npm run dashboards writes them)', async () => {
  const made = mkdtempSync(join(tmpdir(), 'syncline-dashboards-'));
  await run('node_modules/.bin/tsx', ['deploy/grafana/source/write.ts', made]);
  const shipped = 'deploy/grafana/dashboards';
  expect(readdirSync(shipped)).toEqual(readdirSync(made));
  for (const file of readdirSync(made)) expect(text(join(shipped, file))).toBe(text(join(made, file)));
  rmSync(made, { recursive: true });
});
