import type { Queryable } from '../client.ts'

/** Notes the workflow that a run belongs to, where it is another than the run's id says. */
export async function setRosterWorkflow(
  tx: Queryable,
  runId: string,
  workflowId: string,
): Promise<void> {
  await tx.query('update roster_runs set workflow_id = $2::text where id = $1::uuid', [
    runId,
    workflowId,
  ])
}

/** The workflow that a run belongs to; undefined where the run's id says it. */
export async function findRosterWorkflow(
  db: Queryable,
  runId: string,
): Promise<string | undefined> {
  const { rows } = await db.query<{ workflowId: string | null }>(
    'select workflow_id as "workflowId" from roster_runs where id = $1::uuid',
    [runId],
  )
  return rows[0]?.workflowId ?? undefined
}
