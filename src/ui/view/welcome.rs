//! Owns the first screen of somebody without an account: what to type, exactly.

use ratatui::Frame;
use ratatui::text::Line;

use crate::config::account::ADD_COMMAND;
use crate::mail::wrap::{Run, wrap};
use crate::ui::layout::Layout;
use crate::ui::model::Model;
use crate::ui::view::put;

pub(super) fn draw(model: &Model, layout: &Layout, frame: &mut Frame) {
    let look = model.look();
    let mut lines = vec![
        ("Welcome to Surat.", look.strong()),
        ("", look.plain()),
        ("No account is set up here yet. Leave with q, then type one of these:", look.plain()),
        ("", look.plain()),
        ("To look around with made-up mail, nothing is kept:", look.dim()),
        ("  surat demo", look.accent()),
        ("", look.plain()),
        ("To read your own mail:", look.dim()),
    ];
    let add = format!("  {ADD_COMMAND}");
    lines.push((&add, look.accent()));
    lines.push(("CMD is a command that prints your password, as: pass show mail", look.dim()));
    lines.push(("", look.plain()));
    lines.push(("Your mail is kept on this computer and in step with the server.", look.dim()));
    let columns = usize::from(layout.body.width.saturating_sub(4));
    let mut y = layout.body.y + layout.body.height.saturating_sub(20) / 3;
    for (text, style) in lines {
        for runs in wrap(&[Run::new(text, ())], columns, columns) {
            let text: String = runs.into_iter().map(|run| run.text).collect();
            if y < layout.body.bottom() {
                put(frame, layout.body.x + 2, y, layout.body.width.saturating_sub(3), &Line::styled(text, style));
            }
            y += 1;
        }
    }
}
