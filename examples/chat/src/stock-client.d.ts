/** The stock client where Holdfast serves it. */
declare module "*/socket.io.esm.min.js" {
  export { io } from "socket.io-client";
}
