// Everything here improves pages that already work: forms post and links load without it.
import "./requests.js";
import "./sheet.js";
import "./menus.js";
import "./copy.js";
import "./countdown.js";
import "./fields.js";
import "./console.js";
import "./poll.js";
import "./timeline.js";
import "./rail.js";
