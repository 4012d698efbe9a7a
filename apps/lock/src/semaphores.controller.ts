import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type AcquirePermits,
  acquirePermitsSchema,
  type Lease,
  leaseSchema,
  nameSchema,
  type Release,
  type Released,
  type Renew,
  type Resize,
  type Revoke,
  type Revoked,
  releasedSchema,
  releaseSchema,
  renewSchema,
  resizeSchema,
  revokedSchema,
  revokeSchema,
  type Semaphore,
  semaphoreSchema,
} from '@syncline/contracts';
import { ApiProblems, Disconnect, Requires } from '@syncline/http';
import { LeasesService, resourceKey } from '@syncline/locks';
import { type DisconnectSignal } from '@syncline/runtime';

@ApiTags('semaphores')
@Controller({ path: 'semaphores', version: '1' })
export class SemaphoresController {
  constructor(private readonly leases: LeasesService) {}

  @Post(':name/acquire')
  @HttpCode(200)
  @ApiOperation({ summary: 'Take permits, and wait for them when too few are free' })
  @ApiOkResponse({ standardSchema: leaseSchema })
  @ApiProblems('lock-held', 'wait-timeout', 'deadlock', 'limit-mismatch', 'lease-lost')
  async acquirePermits(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: acquirePermitsSchema }) body: AcquirePermits,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<Lease> {
    const wish = { key: resourceKey('semaphore', name), permits: body.permits, limit: body.limit ?? 0 };
    const [lease] = await this.leases.acquire([wish], body, disconnect);
    return lease as Lease;
  }

  @Post(':name/renew')
  @HttpCode(200)
  @ApiOperation({ summary: 'Start the time of permits anew' })
  @ApiOkResponse({ standardSchema: leaseSchema })
  @ApiProblems('lease-lost')
  async renewPermits(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: renewSchema }) body: Renew,
  ): Promise<Lease> {
    const [lease] = await this.leases.renew('semaphore', [name], body.leaseId, body.ttlMs);
    return lease as Lease;
  }

  @Post(':name/release')
  @HttpCode(200)
  @ApiOperation({ summary: 'Give permits back: who waits has them at once' })
  @ApiOkResponse({ standardSchema: releasedSchema })
  @ApiProblems('lease-lost')
  releasePermits(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: releaseSchema }) body: Release,
  ): Promise<Released> {
    return this.leases.release('semaphore', [name], body.leaseId);
  }

  @Get(':name')
  @ApiOperation({ summary: 'Who holds permits of a semaphore and who waits for them' })
  @ApiOkResponse({ standardSchema: semaphoreSchema })
  describeSemaphore(@Param('name', { schema: nameSchema }) name: string): Promise<Semaphore> {
    return this.leases.describeSemaphore(name);
  }

  @Put(':name')
  @ApiOperation({
    summary: 'Configure the limit of a semaphore',
    description:
      'It stays until it is configured anew or deleted, and wins over what callers say. Leases stay as they are: below the ' +
      'permits in use it holds for the next grants.',
  })
  @ApiOkResponse({ standardSchema: semaphoreSchema })
  resizeSemaphore(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: resizeSchema }) body: Resize,
  ): Promise<Semaphore> {
    return this.leases.resize(name, body.limit);
  }

  @Delete(':name')
  @Requires('admin')
  @ApiOperation({
    summary: 'Take the permits of a semaphore away from their holders and forget its limit, for operators',
    description:
      'Written to the audit stream. Whoever waits is served; while the semaphore is in use it keeps the limit.',
  })
  @ApiOkResponse({ standardSchema: revokedSchema })
  revokePermits(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: revokeSchema }) body: Revoke,
  ): Promise<Revoked> {
    return this.leases.revoke('semaphore', name, body.reason ?? '');
  }
}
