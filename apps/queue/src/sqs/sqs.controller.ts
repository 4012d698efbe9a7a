import { Controller, Get, HttpCode, Logger, Post, Req, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import {
  CrossSiteProtection,
  callerOf,
  Disconnect,
  judge,
  Open,
  ParkedGuard,
  TakesBytes,
  TakesUpTo,
} from '@syncline/http';
import { ClientDisconnected, type DisconnectSignal } from '@syncline/runtime';
import type { Request, Response } from 'express';
import { Actions } from './actions/actions.js';
import { ACCOUNT, nameInUrl } from './queue-address.js';
import type { SignedRequest } from './signature/signature.js';
import { Signers } from './signature/signers.js';
import { ERRORS, fromProblem, missing, SqsError } from './sqs-error.js';
import { Fields } from './wire/fields.js';
import { jsonWire, readJsonAction } from './wire/json.js';
import { queryWire, readQueryAction } from './wire/query.js';
import type { AskedAction, Wire } from './wire/wire.js';

/** Messages of 1 MiB together, each of whose bytes a form may write as three. */
const MAX_BYTES = 3_211_264;

/** Answers clients of Amazon SQS. Both protocols, at the paths that these clients ask. */
@ApiExcludeController()
@Controller({ version: VERSION_NEUTRAL })
export class SqsController {
  private readonly logger = new Logger(SqsController.name);

  constructor(
    private readonly actions: Actions,
    private readonly signers: Signers,
    private readonly parked: ParkedGuard,
    private readonly crossSite: CrossSiteProtection,
  ) {}

  /** Compose files of SQS users ask this before they start. */
  @Get('_localstack/health')
  @Open()
  health() {
    return { services: { sqs: 'running' } };
  }

  /** The Query protocol in a URL: what an SDK has presigned, or what somebody types. */
  @Get([ACCOUNT, `${ACCOUNT}/:queue`])
  @Open()
  @TakesBytes()
  async look(
    @Req() request: Request,
    @Res() response: Response,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<void> {
    const asks = request.method === 'GET' && queryOf(request).has('Action');
    if (asks) return this.act(request, response, disconnect);
    response.status(404).type(queryWire.contentType).send('<UnknownOperationException/>');
  }

  /** The action judges the caller: of its signature, not of a key in a header. */
  @Post(['/', `${ACCOUNT}/:queue`])
  @Open()
  @TakesBytes()
  @TakesUpTo(MAX_BYTES)
  @HttpCode(200)
  async act(
    @Req() request: Request,
    @Res() response: Response,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<void> {
    const { requestId } = response;
    const wire = wireOf(request);
    response.setHeader('x-amzn-RequestId', requestId);
    response.setHeader('Content-Type', wire.contentType);
    try {
      const asked = readAction(request);
      const output = await this.run(asked, request, response, disconnect);
      response.send(wire.result(asked.action, output, requestId));
    } catch (error) {
      if (error instanceof ClientDisconnected) return;
      const refusal = (fromProblem(error) ?? this.internal(error, requestId)).toldTo(callerOf(request));
      const { code, status } = refusal.kind;
      response.setHeader('x-amzn-query-error', `${code};${refusal.isSender ? 'Sender' : 'Receiver'}`);
      response.status(status).send(wire.error(refusal, requestId));
    }
  }

  private async run(
    { action, members }: AskedAction,
    request: Request,
    response: Response,
    disconnect: DisconnectSignal,
  ) {
    const { deed, names, run } = this.actions.get(action, isRoot(request));
    const signer = this.signers.of(signedPart(request));
    // A signature is something that a web page cannot make up.
    if (request.method === 'GET' && deed !== 'read' && !signer.isVerified)
      this.crossSite.checkChange(request);
    const fields = new Fields(members);
    const { realm } = signer.caller;
    const queue = names === 'queue' ? queueOf(fields, request, realm) : '';
    judge(request, signer.caller, deed, queue);
    return run({
      ...signer,
      queue,
      fields,
      host: request.headers.host ?? '',
      disconnect,
      park: () => this.parked.park(request, response),
    });
  }

  private internal(error: unknown, requestId: string): SqsError {
    this.logger.error({ err: error, requestId }, 'An action of SQS failed');
    return new SqsError(ERRORS.internalError, 'The node failed to answer.');
  }
}

const targetOf = ({ method, headers }: Request): string | undefined =>
  method === 'GET' ? undefined : headers['x-amz-target']?.toString();

const wireOf = (request: Request): Wire => (targetOf(request) === undefined ? queryWire : jsonWire);

function readAction(request: Request): AskedAction {
  const target = targetOf(request);
  const text = readText(request.body as Buffer);
  return target === undefined
    ? readQueryAction(new URLSearchParams([...new URLSearchParams(text), ...queryOf(request)]))
    : readJsonAction(target, text);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
function readText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new SqsError(ERRORS.serialization, 'The body is not UTF-8.');
  }
}

const isRoot = (request: Request) => pathOf(request) === '/';
const pathOf = ({ originalUrl }: Request) => originalUrl.split('?', 1)[0] ?? '/';
const queryOf = ({ originalUrl }: Request) => new URLSearchParams(originalUrl.split('?').slice(1).join('?'));

const signedPart = (request: Request): SignedRequest => ({
  method: request.method,
  path: pathOf(request),
  query: queryOf(request),
  headers: request.headers,
  body: request.body as Buffer,
});

function queueOf(fields: Fields, request: Request, realm: string): string {
  const url = fields.optionalText('QueueUrl') || (isRoot(request) ? '' : pathOf(request));
  if (url === '') throw missing('QueueUrl');
  return nameInUrl(url, realm);
}
