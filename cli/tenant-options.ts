import type { Command } from 'commander'
import { readEnv } from '../config/env.ts'
import { AppError } from '../core/errors.ts'
import { openApiClient, type ApiClient } from './client.ts'
import { addRemoteOptions, loadCommandConfig, parseText, type RemoteOptions } from './options.ts'
import { createOutput, type Output } from './output.ts'

export type TenantOptions = RemoteOptions & { readonly tenant: string; readonly as?: string }

/** A tenant's part of the API, and where the command's words go. */
export type TenantSession = {
  readonly client: ApiClient
  readonly output: Output
  /** The path of this tenant below `/sync` or `/tenants`. */
  readonly pathOf: (area: 'sync' | 'tenants', ...parts: readonly string[]) => string
}

/** Adds `--tenant`, `--as` and the options of every command that speaks HTTP. */
export function addTenantOptions(command: Command): Command {
  command
    .requiredOption('--tenant <tenant>', 'whose; the token must be of the same tenant', parseText)
    .option('--as <login>', 'whom the local token stands for', parseText)
  return addRemoteOptions(command)
}

/** Opens the API for a tenant; `scope` is that of a local token. */
export async function openTenant(options: TenantOptions, scope: string): Promise<TenantSession> {
  const { tenant, as: subject, token = readEnv()['REGISTRAR_TOKEN'] } = options
  if (token && subject !== undefined) {
    throw new AppError(
      'two_identities',
      `Cannot act as "${subject}": the token that is given says who you are`,
      { status: 400 },
    )
  }
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const client = await openApiClient({ ...options, config, scope, subject, tenant })
  return {
    client,
    output: createOutput(options),
    pathOf: (area, ...parts) => `/${[area, tenant, ...parts].map(encodeURIComponent).join('/')}`,
  }
}
