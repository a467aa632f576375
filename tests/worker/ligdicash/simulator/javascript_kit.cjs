// Creates and asks with the vendor's JavaScript kit, as a shop would, and prints what it was told as one line of JSON.
// node javascript_kit.cjs MODULE BASE_URL API_KEY API_TOKEN

const [module_, baseUrl, apiKey, authToken] = process.argv.slice(2);
const loaded = require(module_);
const Ligdicash = loaded.default || loaded;

const kit = new Ligdicash({ apiKey, authToken, platform: "live", baseUrl });

async function decide(id) {
  await fetch(`${new URL(baseUrl).origin}/_sim/transactions/${id}/decide`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ status: "completed" }),
  });
}

function invoice() {
  const made = kit.Invoice({ currency: "xof", description: "deux pagnes", store_name: "Chez Awa", store_website_url: "" });
  made.addItem({ name: "pagne", description: "coton", quantity: 2, unit_price: 2100 });
  return made;
}

async function told(reply, id, kind) {
  await decide(id);
  const { status, amount } = await kit.getTransaction(reply.token, kind);
  return { status, amount };
}

async function main() {
  const callback_url = "http://127.0.0.1:9/callback";
  const hosted = await invoice().payWithRedirection({ callback_url, custom_data: { transaction_id: "ART1" } });
  const direct = await invoice().payWithoutRedirection({
    customer: "22990000000",
    callback_url,
    custom_data: { transaction_id: "ART2" },
  });
  const payout = kit.Withdrawal(500, "prime", "22670000000");
  const wallet = await payout.send({ type: "client", to_wallet: true, custom_data: { transaction_id: "OUT1" } });
  const straight = await payout.send({ type: "merchant", custom_data: { transaction_id: "OUT2" } });
  const refused = await kit
    .Withdrawal(1, "prime", "22670000000")
    .send({ type: "merchant" })
    .catch((error) => error.constructor.name);
  return {
    hosted: await told(hosted, "ART1", "payin"),
    direct: await told(direct, "ART2", "payin"),
    wallet: await told(wallet, "OUT1", "client_payout"),
    straight: await told(straight, "OUT2", "merchant_payout"),
    refused,
  };
}

main().then(
  (all) => console.log(JSON.stringify(all)),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
