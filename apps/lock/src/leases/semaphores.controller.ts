import { Body, Controller, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
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
  releasedSchema,
  releaseSchema,
  renewSchema,
  resizeSchema,
  type Semaphore,
  semaphoreSchema,
} from '@syncline/contracts';
import { ApiProblems, HangUp, type HangUpSignal } from '@syncline/http';
import { resourceKey } from './lease.keys.js';
import { LeasesService } from './leases.service.js';

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
    @HangUp() hangUp: HangUpSignal,
  ): Promise<Lease> {
    const wish = { key: resourceKey('semaphore', name), permits: body.permits, limit: body.limit ?? 0 };
    const [lease] = await this.leases.acquire([wish], body, hangUp);
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
  @ApiOperation({ summary: 'Give a semaphore another limit' })
  @ApiOkResponse({ standardSchema: semaphoreSchema })
  resizeSemaphore(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: resizeSchema }) body: Resize,
  ): Promise<Semaphore> {
    return this.leases.resize(name, body.limit);
  }
}
