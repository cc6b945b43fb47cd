// Builds a small shop with the vendor's library and prints it as JSON. Called by test_eai_model.py with the library beside it.
const { model, state, action } = require("@eggplantio/eai-model/dist");

let shop = model.createModel("Shop of the library");
const home = state.createState("Home", state.STATE_TYPES.normal);
const basket = state.createState("Basket", state.STATE_TYPES.normal);
for (const each of [home, basket]) shop = model.addState(shop, each);
const start = model.allStates(shop).find((each) => each.name === "Initial");
const enter = action.createAction("enter", start.id);
const add = action.setCallLimit(action.createAction("add a lamp", home.id), 3);
const back = action.createAction("back", basket.id);
const pay = action.createAction("pay", basket.id);
for (const each of [enter, add, back, pay]) shop = model.addAction(shop, each);
const exit = model.allStates(shop).find((each) => each.name === "Exit");
shop = model.connect(shop, enter.id, home.id);
shop = model.connect(shop, add.id, basket.id);
shop = model.connect(shop, back.id, home.id);
shop = model.connect(shop, pay.id, exit.id);
process.stdout.write(JSON.stringify(shop));
