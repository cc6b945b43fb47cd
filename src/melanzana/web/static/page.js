// What every page does when script runs; nothing depends on it.
import "./copy.js";
import "./dialogs.js";
import "./keyboard.js";
import "./leave.js";
import "./times.js";
