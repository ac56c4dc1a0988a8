/* The form of an MCP server: rows are added, moved and removed, the transport decides which
   fields are shown, and a masked secret is revealed by a click.

   Fields of another transport than the chosen one are switched off, so that they are not sent. */
"use strict";
{
    /* A list of texts, or of pairs. */
    class Rows {
        constructor(box, onChange) {
            this.box = box;
            this.list = box.querySelector(".ams-row-list");
            this.template = box.querySelector("template");
            this.onChange = onChange;
            this.add = document.createElement("button");
            this.add.type = "button";
            this.add.className = "ams-add";
            this.add.textContent = `+ Add ${box.dataset.label}`;
            this.add.addEventListener("click", () => this.append());
            box.append(this.add);
            this.list.addEventListener("click", (event) => this.clicked(event));
            this.list.addEventListener("keydown", (event) => this.pressed(event));
        }

        get filled() {
            return this.list.children.length > 0;
        }

        append(after = null) {
            const row = this.template.content.firstElementChild.cloneNode(true);
            if (after === null) {
                this.list.append(row);
            } else {
                after.after(row);
            }
            row.querySelector("input[type=text]").focus();
            this.onChange();
        }

        clicked(event) {
            const button = event.target.closest("button");
            if (button === null) {
                return;
            }
            const row = button.closest(".ams-row");
            if (button.classList.contains("ams-remove")) {
                const next = row.nextElementSibling || row.previousElementSibling;
                row.remove();
                (next ? next.querySelector("input[type=text], textarea") : this.add).focus();
            } else if (button.classList.contains("ams-up") && row.previousElementSibling) {
                row.previousElementSibling.before(row);
                button.focus();
            } else if (button.classList.contains("ams-down") && row.nextElementSibling) {
                row.nextElementSibling.after(row);
                button.focus();
            } else if (button.classList.contains("ams-reveal")) {
                reveal(button, row.querySelector(".ams-item"));
                return;
            }
            this.onChange();
        }

        /* Return goes on to a new row instead of saving the form. */
        pressed(event) {
            if (event.key === "Enter" && event.target.matches("input.ams-item")) {
                event.preventDefault();
                this.append(event.target.closest(".ams-row"));
            }
        }
    }

    /* Put the value of a masked secret into its field. */
    async function reveal(button, field) {
        const query = new URLSearchParams({field: button.dataset.field, name: button.dataset.key});
        const url = document.getElementById("server_form").dataset.reveal;
        try {
            const answer = await fetch(`${url}?${query}`, {headers: {Accept: "application/json"}});
            if (!answer.ok) {
                throw new Error(String(answer.status));
            }
            field.value = (await answer.json()).value;
            button.remove();
        } catch {
            button.textContent = "Can’t be revealed: reload the page";
        }
    }

    /* A single field that shows a mask gets a button like those of the rows. */
    function offerReveal(field) {
        if (!field.value.includes("********") || !field.form.dataset.reveal) {
            return;
        }
        const button = document.createElement("button");
        button.type = "button";
        button.className = "ams-reveal";
        button.dataset.field = field.name;
        button.dataset.key = "";
        button.textContent = "Reveal";
        button.addEventListener("click", () => reveal(button, field));
        field.after(button);
    }

    class Transport {
        constructor(select, lists) {
            this.select = select;
            this.lists = lists;
            this.rows = [...document.querySelectorAll(".form-row[data-transports]")];
            this.status = document.createElement("p");
            this.status.className = "help ams-inside";
            this.status.setAttribute("role", "status");
            this.rows[0].before(this.status);
            // What is stored is shown at first, even where it does not belong.
            this.kept = new Set(this.rows.filter((row) => this.filled(row)));
            select.addEventListener("change", () => {
                this.kept.clear();
                this.show();
            });
            this.show();
        }

        filled(row) {
            const list = this.lists.get(row.querySelector(".ams-rows"));
            return list ? list.filled : row.querySelector("input").value !== "";
        }

        show() {
            const dropped = [];
            for (const row of this.rows) {
                const fits = row.dataset.transports.split(" ").includes(this.select.value);
                const shown = fits || this.kept.has(row) || row.classList.contains("errors");
                row.classList.toggle("ams-hidden", !shown);
                for (const field of row.querySelectorAll("input, textarea")) {
                    field.disabled = !shown;
                }
                if (!shown && this.filled(row)) {
                    dropped.push(row.querySelector("label").textContent.trim());
                }
            }
            this.status.textContent = dropped.length === 0 ? "" :
                `Not with the transport ${this.select.value}, and dropped by a save: ` +
                `${dropped.join(", ")}.`;
        }
    }

    function start() {
        const form = document.getElementById("server_form");
        if (form === null) {
            return;
        }
        const lists = new Map();
        let transport = null;
        const changed = () => transport && transport.show();
        for (const box of form.querySelectorAll(".ams-rows")) {
            lists.set(box, new Rows(box, changed));
        }
        transport = new Transport(form.querySelector("select[name=transport]"), lists);
        form.querySelectorAll("input[name=url], input[name=command]").forEach(offerReveal);
        form.classList.add("ams-live");
    }

    document.addEventListener("DOMContentLoaded", start);
}
