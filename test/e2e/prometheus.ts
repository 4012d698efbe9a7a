import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Child, freePort, type NodeProcess } from '@syncline/testing';
import { parse, stringify } from 'yaml';
import { HOW_TO_GET_PROMETHEUS } from '../../scripts/find-prometheus.mjs';

const SHIPPED = 'deploy/prometheus/prometheus.yml';

/** The Prometheus of this machine. @throws Error that says how to get one */
function program(): string {
  const path = process.env.PROMETHEUS;
  if (!path) throw new Error(HOW_TO_GET_PROMETHEUS);
  return path;
}

/** The tool of the Prometheus of this machine. @throws Error that says how to get one */
export const promtool = (): string => join(dirname(program()), 'promtool');

/** A Prometheus with the rules of deploy/, which looks once a second. */
export class Prometheus extends Child {
  private constructor(
    private readonly port: number,
    private readonly folder: string,
  ) {
    const file = join(folder, 'prometheus.yml');
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ];
    super('prometheus', spawn(program(), args));
  }

  /** Starts it with its shipped configuration, but for whom and how often it asks. */
  static async start(nodes: readonly NodeProcess[]): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'syncline-prometheus-'));
    const { rule_files, scrape_configs } = parse(readFileSync(SHIPPED, 'utf8'));
    const [{ dns_sd_configs: _, ...scraped }] = scrape_configs;
    const static_configs = nodes.map(({ url, role }) => ({ targets: [new URL(url).host], labels: { role } }));
    const configuration = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: rule_files.map((file: string) => join(process.cwd(), dirname(SHIPPED), file)),
      scrape_configs: [{ ...scraped, static_configs }],
    };
    writeFileSync(join(folder, 'prometheus.yml'), stringify(configuration));
    const started = new Prometheus(await freePort(), folder);
    await started.printed(/Server is ready to receive web requests/);
    return started;
  }

  /** What its HTTP API answers. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer is what the test expects it to be
  async ask(path: string, query: Readonly<Record<string, string>> = {}): Promise<any> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1/${path}?${new URLSearchParams(query)}`);
    return answer.json();
  }

  override async stop(): Promise<number | null> {
    const code = await super.stop();
    rmSync(this.folder, { recursive: true });
    return code;
  }
}
