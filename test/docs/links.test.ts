import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
// Generated, or fetched.
const IGNORED = new Set(['node_modules', 'dist', 'coverage'])

let pages: readonly string[]

beforeAll(async () => {
  const docs = (await readdir(join(root, 'docs'))).map((name) => join('docs', name))
  pages = ['README.md', 'RELEASE_NOTES.md', ...docs]
})

async function read(page: string): Promise<string> {
  return await readFile(join(root, page), 'utf8')
}

// As GitHub names the headings of a page.
async function listAnchors(page: string): Promise<string[]> {
  return [...(await read(page)).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  )
}

test('every link between pages leads to a file and to a heading that are there', async () => {
  const broken: string[] = []
  let links = 0
  for (const page of pages) {
    for (const [, link = ''] of (await read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue
      links += 1
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      const isThere =
        existsSync(join(root, target)) &&
        (anchor === undefined || (await listAnchors(target)).includes(anchor))
      if (!isThere) broken.push(`${page}: ${link}`)
    }
  }
  expect(links).toBeGreaterThan(50)
  expect(broken).toEqual([])
})

test('the annotated tree names every folder of sources, and only folders that are there', async () => {
  const [, tree = ''] = (await read('docs/ARCHITECTURE.md')).split('```')
  const named = [...tree.matchAll(/^([\w.]+)\/ /gm)].map(([, name = '']) => name)
  const domains = [...tree.matchAll(/^ {2}(\w+)\/ /gm)].map(([, name = '']) => name)
  expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([])
  for (const folder of await listSourceFolders(root)) expect(named).toContain(folder)
  expect(domains.toSorted()).toEqual(await listSourceFolders(join(root, 'core')))
})

async function listSourceFolders(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const found: string[] = []
  for (const name of folders) {
    if (name.startsWith('.') || IGNORED.has(name)) continue
    const files = await readdir(join(parent, name), { recursive: true })
    if (files.some((file) => file.endsWith('.ts'))) found.push(name)
  }
  return found.toSorted()
}
