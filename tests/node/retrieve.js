// One call from Node.js: loads the contract as any other team would, asks for candidates, prints JSON.
// usage: node retrieve.js PROTO_ROOT TARGET USER_ID
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [protoRoot, target, userId] = process.argv.slice(2);
const definition = loader.loadSync("shortlist/v1/retrieval_service.proto", {
  includeDirs: [protoRoot],
  enums: String,
  longs: Number,
  defaults: true,
});
const { RetrievalService } = grpc.loadPackageDefinition(definition).shortlist.v1;
const client = new RetrievalService(target, grpc.credentials.createInsecure());
const request = { query: { user: { userId } }, count: 5 };
const deadline = new Date(Date.now() + 10000);
client.retrieve(request, { deadline }, (error, response) => {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  console.log(JSON.stringify(response));
  client.close();
});
