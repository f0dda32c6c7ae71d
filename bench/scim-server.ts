import { startDemoScim } from '../cli/demo/stand-ins/scim.ts'

// A process of its own, so that a client's measure is the client's.
const { url, token } = await startDemoScim({ bulk: process.argv[2] !== 'no-bulk' })
process.stdout.write(`${JSON.stringify({ url, token })}\n`)
