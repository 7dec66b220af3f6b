//! Generates the entry of a handler: the static that makes it a row of `_cat/routes`, and its
//! element of the link table. The scope needs `__underscore`, the runtime's `__private`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::args::Args;
use crate::function::Function;

/// The two statics. `further` are calls that complete the entry.
pub(crate) fn statics(args: &Args, handler: &Function, further: impl ToTokens) -> TokenStream {
    let function = handler.path_expr();
    let name = args.name.iter().map(|name| quote!(.name(#name)));
    let method = args.method.iter().map(|method| quote!(.method(#method)));
    let path = args.path.iter().map(|path| quote!(.path(#path)));
    quote! {
        static __UNDERSCORE_ENTRY: __underscore::HandlerEntry =
            __underscore::HandlerEntry::new(
                #function, ::core::file!(), ::core::line!(), ::core::column!(),
            )
            #(#name)* #(#method)* #(#path)* #further;

        #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
        #[linkme(crate = __underscore::linkme)]
        static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    }
}
