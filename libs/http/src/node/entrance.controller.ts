import { Controller, Get, Inject, Req, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Open } from '../access/does.decorator.js';
import { NODE_CONFIG, type NodeConfig } from './node.config.js';

/** Where to go from here. Relative, so that it works under any path of a proxy. */
const WAYS = {
  console: 'console/',
  documentation: 'api/doc',
  openapi: 'api/doc-json',
  cluster: 'v1/cluster',
  health: 'health/ready',
  metrics: 'metrics',
};

/** What somebody sees who opens the address of a node. */
@ApiExcludeController()
@Open()
@Controller({ version: VERSION_NEUTRAL })
export class EntranceController {
  constructor(@Inject(NODE_CONFIG) private readonly config: Pick<NodeConfig, 'nodeId' | 'role'>) {}

  @Get()
  show(@Req() request: Request, @Res() response: Response): void {
    const { nodeId, role } = this.config;
    if (request.accepts(['json', 'html']) === 'html') response.type('html').send(pageOf(role, nodeId));
    else response.json({ name: 'Syncline', role, nodeId, ...WAYS });
  }
}

// A node id has no characters that mean something in HTML.
const pageOf = (role: string, nodeId: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Syncline: ${nodeId}</title>
<h1>Syncline</h1>
<p>The ${role} node <b>${nodeId}</b>.</p>
<ul>
${Object.entries(WAYS)
  .map(([what, path]) => `<li><a href="${path}">${what}</a></li>`)
  .join('\n')}
</ul>
</html>
`;
