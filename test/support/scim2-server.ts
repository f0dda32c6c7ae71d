import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { findPythonPackages, type PythonPackages } from './python-packages.ts'
import type { ContractServer } from './scim-contract.ts'

const REQUIREMENTS = fileURLToPath(new URL('scim2-server/requirements.txt', import.meta.url))
const TOKEN = 'scim2-server-token'
const START_MS = 20_000

/** `scim2-server` as PyPI has it; else why it cannot be had. */
export async function findScim2Server(): Promise<PythonPackages> {
  return await findPythonPackages('scim2-server', REQUIREMENTS)
}

/** Starts one without accounts. */
export async function startScim2Server(libraryPath: string): Promise<ContractServer> {
  const port = await findFreePort()
  const run = 'from scim2_server.testserver.cli import main; main()'
  const options = ['--port', String(port), '--bearer-token', TOKEN]
  const child = spawn('python3', ['-s', '-c', run, ...options], {
    env: { ...process.env, PYTHONPATH: libraryPath, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: 'ignore',
  })
  const url = `http://127.0.0.1:${port}/v2`
  const close = async (): Promise<void> => {
    if (child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  try {
    await awaitAnswer(`${url}/ServiceProviderConfig`, child)
  } catch (error) {
    await close()
    throw error
  }
  return { url, token: TOKEN, close }
}

async function awaitAnswer(
  url: string,
  child: { readonly exitCode: number | null },
): Promise<void> {
  const untilMs = performance.now() + START_MS
  for (;;) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer) return
    if (child.exitCode !== null || performance.now() > untilMs) {
      throw new Error('Cannot start scim2-server: it does not answer')
    }
    await delay(100)
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  server.close()
  await once(server, 'close')
  return port
}
