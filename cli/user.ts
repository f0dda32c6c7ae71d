import { randomUUID } from 'node:crypto'
import { InvalidArgumentError, type Command } from 'commander'
import { AppError } from '../core/errors.ts'
import { isEmailAddress } from '../core/license/email-address.ts'
import { findGroupNameFault } from '../core/user/group.ts'
import { findLoginFault } from '../core/user/login.ts'
import { withTransaction, type Transaction } from '../db/client.ts'
import { enterGroup, openGroup } from '../db/user/group-changes.ts'
import { addUser } from '../db/user/user-changes.ts'
import { findUser } from '../db/user/users.ts'
import { withMigratedDatabase } from './migrated-database.ts'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  parseText,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput } from './output.ts'

type Options = DataDirOption &
  JsonOption & { readonly email: string; readonly name?: string; readonly group: readonly string[] }

type Added = { readonly login: string; readonly isNew: boolean; readonly joined: readonly string[] }

const ACTOR = 'cli'

/** Adds `user add`, by which the first approver is made. */
export function registerUserCommand(program: Command): void {
  const user = program.command('user').description('adds people')
  const adding = user
    .command('add')
    .description('adds a person and makes them a member of groups; may be run again')
    .argument('<login>', 'the login, which is also the subject of their tokens', parseLogin)
    .requiredOption('--email <address>', 'their e-mail address', parseEmail)
    .option('--name <name>', 'their name (the login unless given)', parseText)
    .option('--group <group>', 'a group, made if absent; may be repeated', collectGroup, [])
    .action(runAdd)
  addJsonOption(addDataDirOption(adding))
}

async function runAdd(login: string, options: Options): Promise<void> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const added = await withMigratedDatabase(
    config,
    async (db) => await withTransaction(db, async (tx) => await addPerson(tx, login, options)),
  )
  const output = createOutput(options)
  const { isNew, joined } = added
  output.result({ login: added.login, created: isNew, joined }, () => {
    output.line(`${added.login} ${isNew ? 'is added' : 'was there; nothing of them is changed'}`)
    for (const group of joined) output.line(`${added.login} belongs to ${group} now`)
  })
}

async function addPerson(tx: Transaction, login: string, options: Options): Promise<Added> {
  const { email, name = login, group: groups } = options
  const requestId = `cli-${randomUUID()}`
  const person = { login, email, name, source: 'manual' } as const
  const added = await addUser(tx, person, { actor: ACTOR, requestId })
  const user = added ?? (await findUser(tx, login)) ?? throwGone()
  const joined: string[] = []
  for (const group of new Set(groups)) {
    const change = { group, actor: ACTOR, cause: { requestId } }
    await openGroup(tx, change)
    if (await enterGroup(tx, { ...change, userId: user.id })) joined.push(group)
  }
  return { login: user.login, isNew: added !== undefined, joined }
}

// Between two looks: only somebody who deletes people at this very moment can do that.
function throwGone(): never {
  throw new AppError('conflict', 'Cannot add this person: they are being deleted; try again', {
    status: 409,
  })
}

function parseLogin(text: string): string {
  const fault = findLoginFault(text)
  if (fault === undefined) return text
  throw new InvalidArgumentError(`${fault}.`)
}

function parseEmail(text: string): string {
  if (isEmailAddress(text)) return text
  throw new InvalidArgumentError('It must be an e-mail address.')
}

function collectGroup(text: string, before: readonly string[]): readonly string[] {
  const fault = findGroupNameFault(text)
  if (fault === undefined) return [...before, text]
  throw new InvalidArgumentError(`${fault}.`)
}
