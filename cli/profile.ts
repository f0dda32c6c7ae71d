import type { Command } from 'commander'
import { openApiClient, type ApiClient } from './client.ts'
import { addRemoteOptions, loadCommandConfig, parseText, type RemoteOptions } from './options.ts'
import { createOutput } from './output.ts'
import { findPersonByAnyKey, findUuid } from './profile-lookup.ts'
import {
  explanationView,
  historyView,
  showExplanation,
  showHistory,
  showProfile,
  type RecordedChangeView,
} from './profile-report.ts'
import { checkSignatures, signaturesScope } from './signatures.ts'

type Options = RemoteOptions

const SCOPE = 'change:read read:fullprofile display:all'
const EXIT_NOT_IN_ORDER = 3
const ID = 'user id, uuid, e-mail address or username'

/** Adds `profile get|history|explain|signatures`. */
export function registerProfileCommand(program: Command): void {
  const profile = program.command('profile').description('shows what is known about a person')
  const commands = [
    profile.command('get').description('prints a profile').action(runGet),
    profile.command('history').description('lists the changes of a person').action(runHistory),
    profile
      .command('explain')
      .description('says who won each attribute, and which version every sink has and why')
      .action(runExplain),
  ]
  for (const command of commands) {
    command.argument('<id>', ID, parseText)
    addRemoteOptions(command)
  }
  const signatures = profile
    .command('signatures')
    .description('signs anew what older keys have signed; exit code 3 when some cannot be')
    .option('--dry-run', 'only look')
    .action(runSignatures)
  addRemoteOptions(signatures)
}

async function runGet(id: string, options: Options): Promise<void> {
  const output = createOutput(options)
  const found = await findPersonByAnyKey(await openClient(options), id)
  output.result(found, () => showProfile(output, found))
}

async function runHistory(id: string, options: Options): Promise<void> {
  const output = createOutput(options)
  const client = await openClient(options)
  const uuid = await findUuid(client, id)
  const changes = await readHistory(client, uuid)
  output.result({ uuid, items: changes }, () => showHistory(output, changes))
}

async function runExplain(id: string, options: Options): Promise<void> {
  const output = createOutput(options)
  const client = await openClient(options)
  const uuid = await findUuid(client, id)
  const answer = await client.sendForJson({ method: 'GET', path: `/v1/profiles/${uuid}/explain` })
  const explanation = explanationView.parse(answer)
  output.result(explanation, () => showExplanation(output, explanation))
}

async function runSignatures(options: Options & { readonly dryRun?: boolean }): Promise<void> {
  const output = createOutput(options)
  const client = await openClient(options, signaturesScope)
  const isInOrder = await checkSignatures({ client, output }, { renew: options.dryRun !== true })
  process.exitCode = isInOrder ? 0 : EXIT_NOT_IN_ORDER
}

async function openClient(options: Options, scope = SCOPE): Promise<ApiClient> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  return await openApiClient({ ...options, config, scope })
}

async function readHistory(client: ApiClient, uuid: string): Promise<RecordedChangeView[]> {
  const changes: RecordedChangeView[] = []
  let cursor = ''
  do {
    const path = `/v1/profiles/${uuid}/history?limit=100${cursor}`
    const page = historyView.parse(await client.sendForJson({ method: 'GET', path }))
    changes.push(...page.items)
    cursor = page.next === null ? '' : `&cursor=${encodeURIComponent(page.next)}`
  } while (cursor !== '')
  return changes
}
