// A question before something changes, and why it could not be done.

import {find, show} from "./dom.js";

/** Ask; on yes do it, and stay with the reason where it is refused.  True once it is done. */
export function confirmed(title, text, verb, action) {
  const dialog = find("confirm"), yes = find("confirm-yes"), no = find("confirm-no");
  find("confirm-title").textContent = title;
  find("confirm-text").textContent = text;
  yes.textContent = verb;
  yes.hidden = yes.disabled = false;
  no.textContent = "Keep as it is";
  show(find("confirm-trouble"), "");
  return new Promise(resolve => {
    let done = false;
    yes.onclick = async () => {
      yes.disabled = true;
      try {
        await action();
        done = true;
        dialog.close();
      } catch (error) {
        show(find("confirm-trouble"), `Refused: ${error.message}`);
        yes.hidden = true;
        no.textContent = "Close";
        no.focus();
      }
    };
    no.onclick = () => dialog.close();
    dialog.onclose = () => resolve(done);
    dialog.showModal();
    no.focus(); // the answer that changes nothing
  });
}
