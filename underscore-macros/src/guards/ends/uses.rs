//! The uses of a name that move its value. What is not known to use it by reference moves it.

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Arm, BinOp, Block, Expr, ExprAsync, ExprBinary, ExprCall, ExprClosure, ExprForLoop, ExprIf,
    ExprLoop, ExprMatch, ExprMethodCall, ExprWhile, Item, Local, Macro, Pat, Stmt, UnOp,
};

use super::super::{bindings, initializer, macro_tokens, names};
use super::Ends;
use crate::macro_input::{self, Branch, Handler, MacroInput, Piece};

impl VisitMut for Ends<'_> {
    fn visit_block_mut(&mut self, block: &mut Block) {
        self.put(&mut block.stmts);
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_pat_mut(&mut self, _: &mut Pat) {}

    fn visit_local_mut(&mut self, local: &mut Local) {
        let is_wild = matches!(&local.pat, Pat::Wild(_));
        if let Some(init) = &mut local.init {
            if is_wild {
                self.visit_place(&mut init.expr);
            } else {
                self.visit_expr_mut(&mut init.expr);
            }
            if let Some((_, diverge)) = &mut init.diverge {
                self.visit_expr_mut(diverge);
            }
        }
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Path(_) => self.is_moved |= self.is_it(expr),
            Expr::Verbatim(tokens) => self.is_moved |= self.is_named_in(tokens),
            Expr::MethodCall(call) => self.visit_method_call(call),
            Expr::Call(call) => self.visit_call(call),
            Expr::Field(field) => self.visit_place(&mut field.base),
            Expr::Index(index) => {
                self.visit_place(&mut index.expr);
                self.visit_expr_mut(&mut index.index);
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => {
                self.visit_place(&mut unary.expr);
            }
            // Something else may be put behind a `&mut` that is kept.
            Expr::Reference(reference) if reference.mutability.is_none() => {
                self.visit_place(&mut reference.expr);
            }
            Expr::Binary(binary) => self.visit_operands(binary),
            other => visit_mut::visit_expr_mut(self, other),
        }
    }

    fn visit_expr_if_mut(&mut self, branch: &mut ExprIf) {
        self.visit_expr_mut(&mut branch.cond);
        if !self.is_bound_in_condition(&branch.cond) {
            self.visit_block_mut(&mut branch.then_branch);
        }
        if let Some((_, other)) = &mut branch.else_branch {
            self.visit_expr_mut(other);
        }
    }

    fn visit_expr_while_mut(&mut self, repeated: &mut ExprWhile) {
        self.visit_expr_mut(&mut repeated.cond);
        if !self.is_bound_in_condition(&repeated.cond) {
            self.visit_loop(&mut repeated.body);
        }
    }

    fn visit_expr_for_loop_mut(&mut self, repeated: &mut ExprForLoop) {
        self.visit_expr_mut(&mut repeated.expr);
        if !bindings::binds(&repeated.pat, self.name) {
            self.visit_loop(&mut repeated.body);
        }
    }

    fn visit_expr_loop_mut(&mut self, repeated: &mut ExprLoop) {
        self.visit_loop(&mut repeated.body);
    }

    fn visit_expr_match_mut(&mut self, matched: &mut ExprMatch) {
        self.visit_expr_mut(&mut matched.expr);
        for arm in &mut matched.arms {
            self.visit_arm_mut(arm);
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        if bindings::binds(&arm.pat, self.name) {
            return;
        }
        if let Pat::Guard(guard) = &mut arm.pat {
            self.visit_expr_mut(&mut guard.guard);
        }
        self.visit_value(&mut arm.body);
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        let mut inputs = closure.inputs.iter();
        if inputs.any(|input| bindings::binds(input, self.name)) {
            return;
        }
        if closure.capture.is_some() {
            self.is_moved |= self.is_named_in(&closure.body);
        } else {
            self.visit_captured(|ends| ends.visit_expr_mut(&mut closure.body));
        }
    }

    fn visit_expr_async_mut(&mut self, block: &mut ExprAsync) {
        if block.capture.is_some() {
            self.is_moved |= self.is_named_in(&block.block);
        } else {
            self.visit_captured(|ends| ends.visit_block_mut(&mut block.block));
        }
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        match macro_input::parse_select(mac) {
            MacroInput::Parsed(mut pieces) => {
                let count = self.count;
                for piece in &mut pieces {
                    self.visit_piece(piece);
                }
                if self.count > count {
                    mac.tokens = pieces.iter().map(ToTokens::to_token_stream).collect();
                }
            }
            MacroInput::NoAwaits | MacroInput::Opaque => {
                self.is_moved |= macro_tokens::moves(&mac.tokens, self.name, names::is_format(mac));
            }
        }
    }
}

impl Ends<'_> {
    /// Visits an expression that is used by reference.
    fn visit_place(&mut self, expr: &mut Expr) {
        if !self.is_it(expr) {
            self.visit_expr_mut(expr);
        }
    }

    /// Visits an argument. A callee only uses a `&mut` to the value.
    fn visit_argument(&mut self, argument: &mut Expr) {
        match argument {
            Expr::Reference(reference) if self.is_it(&reference.expr) => {}
            Expr::Paren(paren) => self.visit_argument(&mut paren.expr),
            other => self.visit_expr_mut(other),
        }
    }

    fn visit_call(&mut self, call: &mut ExprCall) {
        let is_kept = matches!(&*call.func, Expr::Path(path) if {
            path.path.segments.last().is_some_and(|last| {
                let is_constructor = last.ident.to_string().starts_with(char::is_uppercase);
                is_constructor || names::is_exchange(&last.ident)
            })
        });
        self.visit_expr_mut(&mut call.func);
        for argument in &mut call.args {
            if is_kept {
                self.visit_expr_mut(argument);
            } else {
                self.visit_argument(argument);
            }
        }
    }

    fn visit_method_call(&mut self, call: &mut ExprMethodCall) {
        if self.is_it(&call.receiver) {
            self.is_moved |= names::is_taker(&call.method);
            if let Some(method) = names::guard_taker(&call.method) {
                // In a closure it is unknown when.
                self.is_moved |= self.captured > 0;
                self.methods.push(method);
            }
        } else {
            self.visit_argument(&mut call.receiver);
        }
        for argument in &mut call.args {
            if names::is_exchange(&call.method) {
                self.visit_expr_mut(argument);
            } else {
                self.visit_argument(argument);
            }
        }
    }

    fn visit_operands(&mut self, binary: &mut ExprBinary) {
        let compares = matches!(
            binary.op,
            BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_)
        );
        let assigns = matches!(
            binary.op,
            BinOp::AddAssign(_)
                | BinOp::SubAssign(_)
                | BinOp::MulAssign(_)
                | BinOp::DivAssign(_)
                | BinOp::RemAssign(_)
                | BinOp::BitXorAssign(_)
                | BinOp::BitAndAssign(_)
                | BinOp::BitOrAssign(_)
                | BinOp::ShlAssign(_)
                | BinOp::ShrAssign(_)
        );
        if compares || assigns {
            self.visit_place(&mut binary.left);
        } else {
            self.visit_expr_mut(&mut binary.left);
        }
        if compares {
            self.visit_place(&mut binary.right);
        } else {
            self.visit_expr_mut(&mut binary.right);
        }
    }

    /// Visits the body of a loop. What is assigned at its end may be read at its beginning.
    fn visit_loop(&mut self, body: &mut Block) {
        let is_in_loop = self.is_in_loop;
        let mut stmts = body.stmts.iter();
        self.is_in_loop |=
            stmts.any(|stmt| initializer::is_read(self.name, std::slice::from_ref(stmt)));
        self.visit_block_mut(body);
        self.is_in_loop = is_in_loop;
    }

    /// Visits the body of a closure or an async block, which takes what it moves when it is
    /// created.
    fn visit_captured(&mut self, visit: impl FnOnce(&mut Self)) {
        self.captured = self.captured.saturating_add(1);
        visit(self);
        self.captured = self.captured.saturating_sub(1);
    }

    /// Visits a part of a `select!`. Its handlers run in the body, after its futures.
    fn visit_piece(&mut self, piece: &mut Piece) {
        match piece {
            Piece::Tokens(tokens) => {
                self.is_moved |= macro_tokens::moves(tokens, self.name, false);
            }
            Piece::Group(_, pieces) => {
                for piece in pieces {
                    self.visit_piece(piece);
                }
            }
            Piece::Expr(expr) => self.visit_expr_mut(expr),
            Piece::Future { future, .. } => self.visit_expr_mut(future),
            Piece::Branch(branch) => self.visit_branch(branch),
        }
    }

    fn visit_branch(&mut self, branch: &mut Branch) {
        if let Some(awaited) = &mut branch.awaited {
            self.visit_expr_mut(&mut awaited.future);
            if let Some((.., condition)) = &mut awaited.condition {
                self.visit_expr_mut(condition);
            }
            if bindings::binds(&awaited.pat, self.name) {
                return;
            }
        }
        match &mut branch.handler {
            Handler::Block(block) => self.visit_block_mut(block),
            Handler::Expr(expr) => self.visit_value(expr),
        }
    }

    fn is_named_in(&self, tokens: &impl ToTokens) -> bool {
        let stmt = Stmt::Expr(Expr::Verbatim(tokens.to_token_stream()), None);
        macro_tokens::mentions(&stmt, self.name)
    }

    fn is_bound_in_condition(&self, condition: &Expr) -> bool {
        match condition {
            Expr::Let(matched) => bindings::binds(&matched.pat, self.name),
            Expr::Binary(binary) => {
                self.is_bound_in_condition(&binary.left)
                    || self.is_bound_in_condition(&binary.right)
            }
            Expr::Paren(paren) => self.is_bound_in_condition(&paren.expr),
            Expr::Group(group) => self.is_bound_in_condition(&group.expr),
            _ => false,
        }
    }
}
