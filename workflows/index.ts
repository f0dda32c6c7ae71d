export { licenseIngest } from './license-ingest.ts'
