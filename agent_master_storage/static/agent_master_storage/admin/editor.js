/* The form of a value: shows the field of the chosen kind, checks JSON while it is typed, and
   puts the JSON editor in front of the text field where it does no harm.

   The text field is what is sent, and its text changes only when somebody edits it. */
"use strict";
{
    /* A JSON text without its white space, every token as it is. */
    function squeezed(text) {
        return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (match, string) =>
            string === undefined ? "" : JSON.stringify(JSON.parse(string)));
    }

    function fault(text) {
        try {
            JSON.parse(text);
            return "";
        } catch (error) {
            return error.message;
        }
    }

    /* Whether JavaScript would write the same document: it rounds long numbers, drops double
       keys and sorts keys that look like numbers. */
    function survives(text) {
        return !fault(text) && squeezed(text) === JSON.stringify(JSON.parse(text));
    }

    /* Whether the page's Content-Security-Policy lets scripts add style sheets: the JSON editor
       cannot be read without its own. */
    function stylesAllowed() {
        const probe = element("style", "");
        probe.textContent = ":root { --ams-probe: yes; }";
        document.head.append(probe);
        const found = getComputedStyle(document.documentElement).getPropertyValue("--ams-probe");
        probe.remove();
        return found.trim() === "yes";
    }

    /* The schema of the document, where the page's Content-Security-Policy lets the editor's
       validator make functions. */
    function schemaOf(area) {
        try {
            return area.dataset.schema && Function("return true")() ?
                JSON.parse(area.dataset.schema) : null;
        } catch {
            return null;
        }
    }

    function element(tag, className) {
        const made = document.createElement(tag);
        made.className = className;
        return made;
    }

    class ValueField {
        constructor(area) {
            this.area = area;
            this.editor = null;
            this.available = "JSONEditor" in window && stylesAllowed();
            this.frame = element("div", "ams-editing");
            this.box = element("div", "ams-json ams-hidden");
            this.status = element("p", "ams-status");
            this.status.setAttribute("role", "status");
            area.before(this.frame);
            this.frame.append(area, this.box, this.status);
            area.addEventListener("input", () => this.check());
            // Before the editor's own handlers: what would rewrite the text is asked first.
            this.box.addEventListener("click", (event) => this.guard(event), true);
        }

        show(kind) {
            this.kind = kind;
            const rich = kind === "json" && this.mayUseEditor();
            if (rich) {
                this.open();
            }
            this.box.classList.toggle("ams-hidden", !rich);
            this.area.classList.toggle("ams-hidden", rich);
            this.check();
        }

        mayUseEditor() {
            const text = this.area.value;
            const fragile = this.area.dataset.fragile === "yes";
            return this.available && !fragile && (fault(text) !== "" || survives(text));
        }

        open() {
            if (this.editor === null) {
                this.editor = new JSONEditor(this.box, {
                    mode: "code",
                    modes: ["code", "tree"],
                    enableSort: false,
                    enableTransform: false,
                    indentation: 2,
                    schema: schemaOf(this.area),
                    onChangeText: (text) => this.edited(text),
                    onError: (error) => this.say(error.message, true),
                });
            }
            if (this.editor.getMode() !== "code") {
                this.editor.setMode("code");
            }
            this.editor.setText(this.area.value);
        }

        edited(text) {
            if (this.editor.getMode() === "tree") {
                // The tree gives one long line.
                const end = /\s*$/.exec(this.area.value)[0];
                text = JSON.stringify(JSON.parse(text), null, 2) + end;
            }
            this.area.value = text;
            this.check();
        }

        guard(event) {
            const button = event.target.closest(
                ".jsoneditor-modes, .jsoneditor-format, .jsoneditor-compact");
            if (button === null || this.editor.getMode() !== "code") {
                return;
            }
            const text = this.editor.getText();
            if (text.trim() === "" || survives(text)) {
                return;
            }
            event.stopImmediatePropagation();
            event.preventDefault();
            this.say(fault(text) || "That would change this document: it holds numbers or keys " +
                "that JavaScript does not keep. Go on editing it as text.", true);
        }

        check() {
            if (this.kind !== "json" || this.area.value.trim() === "") {
                this.say("", false);
                return;
            }
            const wrong = fault(this.area.value);
            const plain = this.available && this.box.classList.contains("ams-hidden");
            const why = plain ? "Valid JSON. It is edited as text: it holds numbers or keys that " +
                "JavaScript does not keep." : "Valid JSON.";
            this.say(wrong ? `Not JSON: ${wrong}` : why, Boolean(wrong));
        }

        say(text, wrong) {
            this.status.textContent = text;
            this.status.classList.toggle("ams-wrong", wrong);
        }
    }

    function start() {
        const area = document.querySelector("textarea.ams-text");
        const kinds = document.querySelectorAll("input[name=kind]");
        if (area === null || kinds.length === 0) {
            return;
        }
        const rows = {text: area.closest(".form-row"),
                      file: document.querySelector(".field-file")};
        const value = new ValueField(area);
        const choose = () => {
            const chosen = document.querySelector("input[name=kind]:checked");
            const kind = chosen === null ? "text" : chosen.value;
            rows.text.classList.toggle("ams-hidden", kind === "file");
            rows.file.classList.toggle("ams-hidden", kind !== "file");
            if (kind !== "file") {
                document.querySelector("input[name=file]").value = "";
                value.show(kind);
            }
        };
        kinds.forEach((kind) => kind.addEventListener("change", choose));
        choose();
    }

    document.addEventListener("DOMContentLoaded", start);
}
