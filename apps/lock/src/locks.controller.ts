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
import { ApiProblems, Disconnect, Requires } from '@syncline/http';
import { LeasesService, lockWish } from '@syncline/locks';
import { type DisconnectSignal } from '@syncline/runtime';

@ApiTags('locks')
@Controller({ path: 'locks', version: '1' })
export class LocksController {
  constructor(private readonly leases: LeasesService) {}

  @Post(':name/acquire')
  @HttpCode(200)
  @ApiOperation({ summary: 'Take a lease, and wait for it when it is held' })
  @ApiOkResponse({ standardSchema: leaseSchema })
  @ApiProblems('lock-held', 'wait-timeout', 'deadlock', 'lease-lost')
  async acquireLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: acquireSchema }) body: Acquire,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<Lease> {
    const [lease] = await this.leases.acquire([lockWish(name, body.mode)], body, disconnect);
    return lease as Lease;
  }

  @Post(':name/renew')
  @HttpCode(200)
  @ApiOperation({ summary: 'Start the time of a lease anew' })
  @ApiOkResponse({ standardSchema: leaseSchema })
  @ApiProblems('lease-lost')
  async renewLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: renewSchema }) body: Renew,
  ): Promise<Lease> {
    const [lease] = await this.leases.renew('lock', [name], body.leaseId, body.ttlMs);
    return lease as Lease;
  }

  @Post(':name/release')
  @HttpCode(200)
  @ApiOperation({ summary: 'End a lease: the next in the queue has it at once' })
  @ApiOkResponse({ standardSchema: releasedSchema })
  @ApiProblems('lease-lost')
  releaseLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: releaseSchema }) body: Release,
  ): Promise<Released> {
    return this.leases.release('lock', [name], body.leaseId);
  }

  @Post(':name/verify')
  @Requires('read')
  @HttpCode(200)
  @ApiOperation({ summary: 'Ask whether a fencing token is still the newest' })
  @ApiOkResponse({ standardSchema: verifiedSchema })
  verifyToken(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: verifySchema }) body: Verify,
  ): Promise<Verified> {
    return this.leases.verify(name, body.fencingToken);
  }

  @Get(':name')
  @ApiOperation({ summary: 'Who holds a lock and who waits for it' })
  @ApiOkResponse({ standardSchema: lockSchema })
  describeLock(@Param('name', { schema: nameSchema }) name: string): Promise<Lock> {
    return this.leases.describeLock(name);
  }

  @Get()
  @ApiOperation({ summary: 'The locks that are held or awaited, in the order of their names' })
  @ApiOkResponse({ standardSchema: lockPageSchema })
  listLocks(@Query({ schema: listLocksSchema }) query: ListLocks): Promise<LockPage> {
    return this.leases.listLocks(query);
  }

  @Delete(':name')
  @Requires('admin')
  @ApiOperation({ summary: 'Take a lock away from its holders, for operators; written to the audit stream' })
  @ApiOkResponse({ standardSchema: revokedSchema })
  revokeLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: revokeSchema }) body: Revoke,
  ): Promise<Revoked> {
    return this.leases.revoke('lock', name, body.reason ?? '');
  }
}
