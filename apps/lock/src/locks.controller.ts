import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Acquire,
  acquireSchema,
  type Lease,
  type ListLocks,
  type Lock,
  type LockPage,
  leaseSchema,
  listLocksSchema,
  lockPageSchema,
  lockSchema,
  nameSchema,
  type Release,
  type Released,
  type Renew,
  type Revoke,
  type Revoked,
  releasedSchema,
  releaseSchema,
  renewSchema,
  revokedSchema,
  revokeSchema,
  type Verified,
  type Verify,
  verifiedSchema,
  verifySchema,
} from '@syncline/contracts';
import { ApiProblems, CalledBy, type Caller, Disconnect, Does, JUDGED_BY_HANDLER } from '@syncline/http';
import { LocksService } from '@syncline/locks';
import { type DisconnectSignal } from '@syncline/runtime';

@ApiTags('locks')
@Controller({ path: 'locks', version: '1' })
export class LocksController {
  constructor(private readonly locks: LocksService) {}

  @Post(':name/acquire')
  @Does('lock', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Acquire a lock, and wait for it when it is held' })
  @ApiOkResponse({ standardSchema: leaseSchema })
  @ApiProblems('lock-held', 'wait-timeout', 'deadlock', 'lease-lost')
  acquireLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: acquireSchema }) body: Acquire,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<Lease> {
    return this.locks.acquire(name, body, disconnect);
  }

  @Post(':name/renew')
  @Does('lock', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Renew a lease' })
  @ApiOkResponse({ standardSchema: leaseSchema })
  @ApiProblems('lease-lost')
  renewLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: renewSchema }) body: Renew,
  ): Promise<Lease> {
    return this.locks.renew(name, body);
  }

  @Post(':name/release')
  @Does('lock', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Release a lease: the next request in the queue is granted at once' })
  @ApiOkResponse({ standardSchema: releasedSchema })
  @ApiProblems('lease-lost')
  releaseLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: releaseSchema }) body: Release,
  ): Promise<Released> {
    return this.locks.release(name, body);
  }

  @Post(':name/verify')
  @Does('read', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Verify that a fencing token is still the newest' })
  @ApiOkResponse({ standardSchema: verifiedSchema })
  verifyToken(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: verifySchema }) body: Verify,
  ): Promise<Verified> {
    return this.locks.verify(name, body.fencingToken);
  }

  @Get(':name')
  @Does('read', ':name')
  @ApiOperation({ summary: 'Describe a lock: its holders and the requests that wait for it' })
  @ApiOkResponse({ standardSchema: lockSchema })
  describeLock(@Param('name', { schema: nameSchema }) name: string): Promise<Lock> {
    return this.locks.describe(name);
  }

  @Get()
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({ summary: 'List the locks that are held or awaited, in the order of their names' })
  @ApiOkResponse({ standardSchema: lockPageSchema })
  listLocks(
    @Query({ schema: listLocksSchema }) query: ListLocks,
    @CalledBy() caller: Caller,
  ): Promise<LockPage> {
    return caller.page('locks', query, (part) => this.locks.list({ ...query, ...part }));
  }

  @Delete(':name')
  @Does('purge', ':name')
  @ApiOperation({ summary: 'Revoke the leases of a lock, for operators; written to the audit stream' })
  @ApiOkResponse({ standardSchema: revokedSchema })
  revokeLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: revokeSchema }) body: Revoke,
  ): Promise<Revoked> {
    return this.locks.revoke(name, body.reason ?? '');
  }
}
