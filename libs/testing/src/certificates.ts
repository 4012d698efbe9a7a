import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An authority of its own, and what it certifies: files in PEM, for a test of TLS. */
export class Certificates {
  private readonly folder = mkdtempSync(join(tmpdir(), 'syncline-tls-'));
  /** Path of the authority's certificate. */
  readonly ca = join(this.folder, 'ca.crt');

  constructor() {
    const subject = ['-subj', '/CN=Test authority', '-days', '30', '-nodes'];
    this.openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      ...subject,
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    );
  }

  /** @param host name, address or URI that the certificate is for */
  issue(host: string): { readonly cert: string; readonly key: string } {
    const name = host.replaceAll(/[^\w]/g, '_');
    const kind = /^[\d.]+$/.test(host) ? 'IP' : host.includes('://') ? 'URI' : 'DNS';
    writeFileSync(join(this.folder, `${name}.ext`), `subjectAltName=${kind}:${host}\n`);
    this.openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    this.openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '30',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`,
    );
    return { cert: join(this.folder, `${name}.crt`), key: join(this.folder, `${name}.key`) };
  }

  read(path: string): string {
    return readFileSync(path, 'utf8');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  private openssl(...args: string[]): void {
    execFileSync(process.env.OPENSSL ?? 'openssl', args, { cwd: this.folder, stdio: 'pipe' });
  }
}
