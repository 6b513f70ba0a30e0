/** `npm run prove`: the program is prove/run.ts. */
import { prove } from "../prove/run.ts";

await prove();
