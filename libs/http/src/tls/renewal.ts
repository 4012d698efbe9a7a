import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:tls';
import type { LoggerService } from '@nestjs/common';
import { watchFiles } from '../node/watch-files.js';
import { InvalidCertificate, readCertificate, type TlsFiles } from './certificate.js';

/** Serves new connections with the certificate that is in the files now. While that is not valid, the one before it stays. */
export function renewCertificate(server: Server, files: TlsFiles, logger: LoggerService): void {
  const paths = Object.values(files).filter((path) => path !== undefined);
  watchFiles(paths, () => {
    try {
      const options = readCertificate(files);
      // A new context: sessions of the one before are not resumed, so clients are judged again.
      server.setSecureContext(options);
      const { validTo } = new X509Certificate(options.cert as string);
      logger.log({ msg: 'The certificate was renewed', validTo });
    } catch (error) {
      if (!(error instanceof InvalidCertificate)) throw error;
      logger.warn(`The certificate is not renewed: ${error.message}.`);
    }
  });
}
