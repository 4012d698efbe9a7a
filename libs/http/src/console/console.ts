import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@syncline/contracts';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { allowConsole } from '../request/security-headers.js';
import { NodeCalls, PASSED } from './node-calls.js';
import { Sessions } from './sessions.js';

/** Where the build puts the page: beside the built node. */
const PAGE = fileURLToPath(new URL('../../../../console/', import.meta.url));
const YEAR_S = 31_536_000;

/** `/console/api/TARGET/v1/...`: a role, or a node, and what it is asked. */
const CALL = /^\/console\/api\/([A-Za-z0-9._-]{1,64})(\/v1\/.*|\/metrics|\/console\/overview)$/;
const OWN_ROUTES = /^\/console\/(session|live|overview)(\?|$)/;

/**
 * The paths under `/console`: the page, and its calls to nodes of every role. Those to this node, or to its role, are served here;
 * others are passed on, with the key of the caller.
 */
@Injectable()
export class Console {
  private readonly page: RequestHandler = express.static(PAGE, {
    redirect: false,
    setHeaders: (response, path) => {
      allowConsole(response);
      // Their names change with what they hold.
      const keeps = path.includes('/assets/') ? `public, max-age=${YEAR_S}, immutable` : 'no-cache';
      response.setHeader('Cache-Control', keeps);
    },
  });

  constructor(
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
    private readonly sessions: Sessions,
    private readonly calls: NodeCalls,
  ) {}

  handle(request: Request, response: Response, next: NextFunction): void {
    const { url } = request;
    // Relative, so that it works under any path of a proxy.
    if (/^\/console(\?|$)/.test(url)) response.redirect(308, 'console/');
    else if (CALL.test(url) || OWN_ROUTES.test(url)) {
      this.call(request, response).then((served) => served || next(), next);
    } else if (url.startsWith('/console/api/') || !existsSync(PAGE)) next();
    else {
      request.url = url.slice('/console'.length);
      this.page(request, response, (error?: unknown) => {
        request.url = url;
        next(error);
      });
    }
  }

  /** @returns whether another node has answered */
  private async call(request: Request, response: Response): Promise<boolean> {
    const [, target, path = ''] = CALL.exec(request.url) ?? [];
    const { role, nodeId } = this.config;
    if (target !== undefined && target !== role && target !== nodeId) {
      if (request.headers[PASSED] !== undefined)
        throw new Problem('not-found', `This is ${nodeId}, not ${target}.`);
      await this.calls.pass(target, `/console/api/${target}${path}`, request, response);
      return true;
    }
    await this.sessions.enter(request);
    if (target !== undefined) request.url = path;
    return false;
  }
}
