import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { openApiClient, type ApiClient } from './client.ts'
import { addRemoteOptions, loadCommandConfig, parseText, type RemoteOptions } from './options.ts'
import { createOutput, type Output } from './output.ts'

type Options = RemoteOptions & { readonly tenant: string }
type Opened = { readonly client: ApiClient; readonly output: Output; readonly path: string }

const SCOPE = 'roster:read roster:admin'
const nextPage = { next: z.string().nullable() }
const product = z.object({
  product: z.string(),
  capacity: z.number(),
  assigned: z.number(),
  waiting: z.number(),
  overLimit: z.object({ policy: z.string() }),
})
const seat = z.object({
  externalId: z.string(),
  state: z.string(),
  school: z.string(),
  enrolledAt: z.string(),
})
const seats = z.object({
  capacity: z.number(),
  assigned: z.number(),
  waiting: z.number(),
  items: z.array(seat),
  ...nextPage,
})
const school = z.object({
  school: z.string(),
  name: z.string().nullable(),
  reserved: z.number(),
  active: z.number(),
  releasing: z.number(),
  waiting: z.number(),
})

/** Adds `seat list|schools|set`. */
export function registerSeatCommand(program: Command): void {
  const group = program.command('seat').description("the seats of a tenant's products")
  const commands = [
    group
      .command('list [product]')
      .description('the products; of one, who holds a seat and who waits')
      .action(runList),
    group
      .command('schools <product>')
      .description('the seats of a product by school')
      .action(runSchools),
    group
      .command('set <product> <file>')
      .description('makes a product, or changes its settings to those of a JSON file')
      .action(runSet),
  ]
  for (const command of commands) {
    command.requiredOption('--tenant <tenant>', 'whose', parseText)
    addRemoteOptions(command)
  }
}

async function runList(name: string | undefined, options: Options): Promise<void> {
  const opened = await open(options)
  await (name === undefined ? listProducts(opened) : listSeats(opened, name))
}

async function listProducts({ client, output, path }: Opened): Promise<void> {
  const page = z.object({ items: z.array(product), ...nextPage })
  const products: z.output<typeof product>[] = []
  for await (const { items } of readPages(client, { path, page })) products.push(...items)
  output.result(products, () => {
    if (products.length === 0) output.line('No products: make one with "seat set"')
    else showProducts(output, products)
  })
}

async function listSeats({ client, output, path }: Opened, name: string): Promise<void> {
  const items: z.output<typeof seat>[] = []
  let counts = { capacity: 0, assigned: 0, waiting: 0 }
  const place = `${path}/${encodeURIComponent(name)}/seats`
  for await (const answer of readPages(client, { path: place, page: seats })) {
    const { capacity, assigned, waiting } = answer
    counts = { capacity, assigned, waiting }
    items.push(...answer.items)
  }
  output.result({ ...counts, items }, () => {
    const { capacity, assigned, waiting } = counts
    output.line(`${assigned} of ${capacity} seats are assigned, ${waiting} people wait`)
    output.table(
      ['person', 'state', 'school', 'enrolled'],
      items.map((one) => [one.externalId, one.state, one.school, one.enrolledAt]),
    )
  })
}

async function runSchools(name: string, options: Options): Promise<void> {
  const { client, output, path } = await open(options)
  const place = `${path}/${encodeURIComponent(name)}/schools`
  const { items } = z
    .object({ items: z.array(school) })
    .parse(await client.sendForJson({ method: 'GET', path: place }))
  output.result(items, () =>
    output.table(
      ['school', 'name', 'reserved', 'active', 'releasing', 'waiting'],
      items.map((one) => [
        one.school,
        one.name ?? '',
        ...[one.reserved, one.active, one.releasing, one.waiting].map(String),
      ]),
    ),
  )
}

async function runSet(name: string, file: string, options: Options): Promise<void> {
  const { client, output, path } = await open(options)
  const body = await readSettings(file)
  const place = `${path}/${encodeURIComponent(name)}`
  const settings = await client.sendForJson({ method: 'PUT', path: place, body })
  output.result(settings, () => output.line(`"${name}" is set; the next sync seats by it`))
}

async function readSettings(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new AppError('unreadable_file', `Cannot read settings from "${file}": it must be JSON`, {
      status: 500,
      expose: true,
      cause,
    })
  }
}

type Page = { readonly next: string | null }
type PageRequest<P extends Page> = { readonly path: string; readonly page: z.ZodType<P> }

async function* readPages<P extends Page>(
  client: ApiClient,
  { path, page }: PageRequest<P>,
): AsyncGenerator<P, void, undefined> {
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new URLSearchParams({ limit: '100' })
    if (cursor !== '') query.set('cursor', cursor)
    const answer = await client.sendForJson({ method: 'GET', path: `${path}?${query.toString()}` })
    const found = page.parse(answer)
    yield found
    cursor = found.next
  }
}

async function open(options: Options): Promise<Opened> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const client = await openApiClient({ ...options, config, scope: SCOPE })
  const path = `/tenants/${encodeURIComponent(options.tenant)}/products`
  return { client, output: createOutput(options), path }
}

function showProducts(output: Output, products: readonly z.output<typeof product>[]): void {
  output.table(
    ['product', 'capacity', 'assigned', 'waiting', 'over the limit'],
    products.map((one) => [
      one.product,
      String(one.capacity),
      String(one.assigned),
      String(one.waiting),
      one.overLimit.policy,
    ]),
  )
}
