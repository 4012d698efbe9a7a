import { Injectable } from '@nestjs/common';
import { Metrics } from '@syncline/runtime';
import { Counter } from 'prom-client';
import { ApiKeys } from '../access/api-keys.js';

/** Keys beyond these are counted together, so that a file of keys does not become as many series. */
const MOST_KEYS = 200;
const OTHERS = '(others)';

/** Who uses the node, by key. */
@Injectable()
export class KeyMetrics {
  constructor(keys: ApiKeys, { registry }: Metrics) {
    new Counter({
      name: 'api_key_requests_total',
      help: 'Requests and calls of each API key, refused ones too; beyond 200 keys as one',
      labelNames: ['key', 'tenant'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [i, { key, tenant, requests }] of keys.inUse.entries()) {
          const isShown = i < MOST_KEYS;
          this.inc(
            { key: isShown && key !== null ? key : OTHERS, tenant: isShown ? tenant : OTHERS },
            requests,
          );
        }
      },
    });
  }
}
