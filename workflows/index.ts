export { licenseIngest } from './license-ingest.ts'
export { profilePropagation } from './profile-propagation.ts'
export { sinkReconcile } from './sink-reconcile.ts'
export { sinkSweep } from './sink-sweep.ts'
